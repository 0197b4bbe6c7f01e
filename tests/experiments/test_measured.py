"""What is said to have been measured is what the published metrics of the runs say."""

from __future__ import annotations

import csv
import gzip
import re
from pathlib import Path
from statistics import mean

import pytest

from skill_train.experiments.registry import EXPERIMENTS
from skill_train.experiments.spec import Experiment, Measured, with_measured

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
FOLDERS = {"dse.md": ("dse_cartpole", "dse/cartpole-"), "dse_reacher.md": ("dse_reacher", "dse/")}
STEMS = {"sac/reacher": "reacher-collect"}
MEASURED = {name: one for name, one in EXPERIMENTS.items() if one.measured is not None}


def last_rows(experiment: Experiment, measured: Measured) -> list[dict[str, str]]:
    """The last metrics of every seed from 0 on; larger seeds are those that served for tuning."""
    folder, prefix = FOLDERS.get(measured.page, (experiment.paper, f"{experiment.paper}/"))
    stem = STEMS.get(experiment.name, experiment.name.removeprefix(prefix))
    found = []
    for path in RESULTS.joinpath(folder).glob(f"{stem}-*.csv.gz"):
        if re.fullmatch(rf"{re.escape(stem)}-\d\d?\.csv\.gz", path.name):
            with gzip.open(path, "rt") as file:
                found.append(list(csv.DictReader(file))[-1])
    return found


@pytest.mark.parametrize("name", MEASURED)
def test_it_is_the_mean_of_the_final_evaluations(name: str) -> None:
    measured = MEASURED[name].measured
    assert measured is not None
    rows = last_rows(MEASURED[name], measured)
    if name == "vate/point-robot":  # its seed 0 had other settings
        rows = [row for row in rows if int(row["env_steps"]) < 500_000]
    assert len(rows) == measured.seeds
    value = re.search(r"-?\d+(\.\d+)?", measured.result)
    assert value is not None
    if "% success" in measured.result:
        found = 100 * mean(float(row["evaluation_success_ratio"]) for row in rows)
    else:
        found = mean(float(row["evaluation_return_mean"]) for row in rows)
    half_a_digit = 0.5 * 10.0 ** -len((value[1] or ".")[1:])
    assert float(value[0]) == pytest.approx(found, abs=1.02 * half_a_digit)


@pytest.mark.parametrize("name", MEASURED)
def test_the_length_of_its_runs_is_the_experiments_unless_it_is_given(name: str) -> None:
    experiment = MEASURED[name]
    measured = experiment.measured
    assert measured is not None
    assert experiment.cost is not None
    steps = measured.env_steps or experiment.cost.env_steps
    for row in last_rows(experiment, measured):
        longer = name in ("vate/grid-rl2-64", "vate/point-robot")  # a seed each, see the page
        assert longer or int(row["env_steps"]) == pytest.approx(steps, rel=0.01)


@pytest.mark.parametrize("name", MEASURED)
def test_its_page_names_it(name: str) -> None:
    measured = MEASURED[name].measured
    assert measured is not None
    assert re.search(rf"{re.escape(name)}[\s`?]", RESULTS.joinpath(measured.page).read_text())


def test_results_of_nothing_are_refused() -> None:
    results = {"no/such": Measured("return 1", 1, "vate.md")}
    with pytest.raises(ValueError, match="'no/such'"):
        with_measured(EXPERIMENTS.values(), results)
