"""A run does not go on with other settings than it began with, unless asked to."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from skill_train.cluster import launch
from skill_train.cluster.errors import RunError
from skill_train.cluster.plan import drift
from skill_train.cluster.store.run_dir import RunDir
from skill_train.experiments.registry import EXPERIMENTS


def edit(run: RunDir, change) -> None:
    config = json.loads((run.path / "config.json").read_text())
    change(config)
    (run.path / "config.json").write_text(json.dumps(config))


@pytest.fixture
def run(tmp_path) -> RunDir:
    experiment = EXPERIMENTS["quickstart"]
    stage = experiment.tiny()
    return RunDir.create(tmp_path / "run", "quickstart", [], stage, 0, tiny=True, inline=True)


def test_resume_names_what_the_code_has_changed(run):
    def change(config):
        config["resolved"]["agent"]["gamma"] = 0.5
        config["resolved"]["agent"]["critic_sizes"][0] = 7
        del config["resolved"]["limits"]["minutes"]
        config["resolved"]["actors"]["gone"] = 1

    edit(run, change)
    with pytest.raises(RunError) as refused:
        launch.resume(run, address=None)
    told = str(refused.value)
    now = EXPERIMENTS["quickstart"].tiny()
    assert f"agent.gamma (0.5, now {now.agent.gamma})" in told
    assert f"agent.critic_sizes[0] (7, now {now.agent.critic_sizes[0]})" in told
    assert "limits.minutes (absent, now " in told
    assert "actors.gone (1, now absent)" in told
    assert "environment.json names the commit" in told
    assert not (run.path / "status.json").exists()


def test_without_the_record_it_goes_on(run):
    edit(run, lambda config: config.pop("resolved"))
    assert launch.resume(run, address=None)["learner_steps"] > 0


def test_many_changes_are_counted(run):
    stage = EXPERIMENTS["quickstart"].stage
    with pytest.raises(RunError, match=r" and \d+ more; resume it with the code"):
        drift.refuse(run, stage)


@pytest.mark.parametrize(
    "name", ["quickstart", "dse/cartpole-3x3", "dse/reacher-3x3", "dse/asteroid-1", "vate/grid"]
)
def test_what_was_recorded_is_what_is_compared(name, tmp_path):
    """Nested parts, infinite numbers and absent ones come back from the file as they were."""
    experiment = EXPERIMENTS[name]
    run = RunDir.create(tmp_path / "run", experiment.name, [], experiment.stage, 0)
    drift.refuse(run, experiment.stage)
    limits = replace(experiment.stage.limits, learner_steps=123_456_789)
    with pytest.raises(RunError, match=r"limits.learner_steps \(.*, now 123456789\)"):
        drift.refuse(run, replace(experiment.stage, limits=limits))
