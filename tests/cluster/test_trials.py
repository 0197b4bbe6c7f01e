"""Trials through the command line: returns per episode, and the bounds beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skill_train.cluster import cli
from skill_train.cluster.loop.metrics import read_csv


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "run"
    command = ["run", "vate/grid", "--tiny", "--inline", "--run-dir", str(path)]
    assert cli.main([*command, "--limits.env-steps", "2000"]) == 0
    return path


def test_eval_gives_one_number_for_each_episode_of_the_trial(run, capsys):
    capsys.readouterr()
    assert cli.main(["eval", str(run), "--episodes", "21", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["episodes"] == 21 and found["episode_length"] == 45
    assert len(found["return_per_episode"]) == 3
    assert sum(found["return_per_episode"]) == pytest.approx(found["return_mean"])
    assert len(found["per_task"]) == 21  # every goal
    one = found["per_task"]["skill/GoalGrid-v0[goal=4,4]"]
    assert sum(one["return_per_episode"]) == pytest.approx(one["return_mean"])
    assert cli.main(["eval", str(run), "--episodes", "21"]) == 0
    assert "by episode" in capsys.readouterr().out


def test_the_metrics_have_them_too(run):
    table = read_csv(run / "metrics.csv")
    parts = [table[f"evaluation_return_mean/episode_{n}"][-1] for n in (1, 2, 3)]
    assert sum(parts) == pytest.approx(table["evaluation_return_mean"][-1], abs=1e-4)


def test_bounds(capsys):
    assert cli.main(["bounds", "vate/grid", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"bayes_optimal", "thompson", "oracle"}
    assert found["bayes_optimal"] == pytest.approx([4.0, 77.5 / 7, 77.5 / 7])
    assert cli.main(["bounds", "vate/grid"]) == 0
    assert "sum 26.14" in capsys.readouterr().out
    assert cli.main(["bounds", "quickstart"]) == 2
    assert "no bounds are known for quickstart" in capsys.readouterr().err
