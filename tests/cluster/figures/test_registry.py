"""``skill-train figure``: what there is, and what it does not take."""

from __future__ import annotations

import argparse
import re

import pytest

from skill_train.cluster import cli
from skill_train.cluster.show.figures.registry import FIGURES
from skill_train.cluster.store.run_dir import RunDir
from skill_train.experiments.registry import EXPERIMENTS


def test_every_figure_is_listed_with_the_runs_that_it_takes(capsys):
    assert cli.main(["figure"]) == 0
    said = capsys.readouterr().out
    for figure in FIGURES.values():
        assert f"\n{figure.name} " in f"\n{said}"
        assert figure.shows in said
        assert f"takes {figure.runs}" in said
        for name in re.findall(r"\w+/[\w-]+", figure.runs):
            assert name in EXPERIMENTS


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_what_it_draws_and_how(name, capsys):
    with pytest.raises(SystemExit) as done:
        cli.main(["figure", name, "--help"])
    assert done.value.code == 0
    assert f"\n    skill-train figure {name} " in capsys.readouterr().out
    parser = FIGURES[name].parser()
    assert isinstance(parser, argparse.ArgumentParser)


@pytest.fixture
def quickstart(tmp_path):
    """A run that is no figure of a paper: three moments of training, evaluated at the last."""
    run = RunDir.create(tmp_path / "quickstart", "quickstart", [], None, 4)
    lines = [
        "env_steps,learner_steps,return_mean,success_ratio,evaluation_return_mean",
        "1000,10,0,0.1,",
        "2000,20,30,0.5,",
        "3000,30,60,0.9,50",
    ]
    (run.path / "metrics.csv").write_text("\n".join(lines) + "\n")
    return str(run.path)


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["kl-rewards"], "there is no figure 'kl-rewards'; did you mean kl-reward?"),
        (["kl-reward", "RUN"], "the following arguments are required: --out"),
        (["kl-reward", "nowhere", "--out", "x.png"], "nowhere does not exist"),
        (["kl-reward", "RUN", "--out", "x.png"], "is a run of quickstart; the figure kl-reward "),
        (["vate", "RUN", "--out", "."], "the figure vate takes runs on the grid"),
        (["grid-curves", "RUN", "--level", "1"], "is a run of quickstart; the figure grid-curves"),
        (["evaluated-area", "RUN"], "is not a file of metrics that is named WHAT-SEED.csv"),
        (["summary", "RUN", "--succes", "1"], "unrecognized arguments: --succes"),
    ],
)
def test_a_mistake_is_one_sentence(args, sentence, quickstart, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["figure", *(quickstart if arg == "RUN" else arg for arg in args)]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_the_summary_of_a_run(quickstart, capsys):
    """90 % of the final 50 are first returned at 60; half of the episodes succeed sooner."""
    assert cli.main(["figure", "summary", quickstart]) == 0
    assert cli.main(["figure", "summary", quickstart, "--success", "0.5"]) == 0
    rows = [x for x in capsys.readouterr().out.splitlines() if x.startswith("| quickstart")]
    assert rows == [
        "| quickstart | 4 | - | 30 (3) | 30.0 | - | 50.0 |",
        "| quickstart | 4 | - | 20 (2) | 30.0 | - | 50.0 |",
    ]


def test_metrics_without_what_a_figure_needs(quickstart, capsys):
    metrics = RunDir.open(quickstart).path / "metrics.csv"
    metrics.write_text("env_steps,learner_steps,return_mean\n1000,10,0\n")
    assert cli.main(["figure", "summary", quickstart]) == 2
    assert "has no evaluation_return_mean in its metrics" in capsys.readouterr().err
