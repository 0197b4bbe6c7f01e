"""The area under evaluated returns, by hand and as the pages of results quote it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from skill_train.cluster import cli
from skill_train.cluster.show.figures.evaluated_area import area, evaluations

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"


def test_a_row_counts_once_for_each_evaluation(tmp_path):
    """Metrics are written more often than a run is evaluated, and before it first is."""
    path = tmp_path / "run-0.csv"
    lines = ["env_steps,evaluation_return_mean", "5,", "10,1.0", "15,1.0", "20,3.0", "40,5.0"]
    path.write_text("\n".join(lines) + "\n")
    assert evaluations(path) == [(10, 1.0), (20, 3.0), (40, 5.0)]


def test_the_area_is_the_mean_of_straight_lines_between_evaluations():
    curve = [(10.0, 1.0), (20.0, 3.0), (40.0, 5.0), (90.0, 70.0)]
    assert area(curve, until=50.0) == pytest.approx((10 * 2.0 + 20 * 4.0) / 30)
    assert math.isnan(area(curve, until=15.0))


@pytest.mark.parametrize(
    ("page", "runs", "until"),
    [
        ("vate.md", "vate/grid*.csv.gz", "3010000"),
        ("dse.md", "dse_cartpole/3x3*.csv.gz", "inf"),
    ],
)
def test_pages_quote_the_committed_metrics(page, runs, until, capsys):
    files = map(str, sorted(RESULTS.glob(runs)))
    assert cli.main(["figure", "evaluated-area", *files, "--until", until]) == 0
    assert capsys.readouterr().out in (RESULTS / page).read_text()
