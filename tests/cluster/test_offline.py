"""Stages without actors or without learning: from a run's rows, from a dataset, and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from skill_train.cluster import datasets, launch
from skill_train.cluster.errors import RunError
from skill_train.cluster.loop import inline
from skill_train.cluster.over_ray import supervisor
from skill_train.cluster.plan import planning
from skill_train.cluster.store.run_dir import RunDir
from skill_train.experiments.data import FromDatasets
from skill_train.experiments.registry import EXPERIMENTS
from skill_train.experiments.spec import Evaluating, Limits, Stage
from skill_train.replay.datasets import ROOT, read_dataset
from skill_train.replay.saved import saved_episodes

COLLECT, OFFLINE = "sac/reacher", "sac/reacher-offline"


def start(name: str, path: Path, *changes: str, **more) -> RunDir:
    run, _ = launch.start(name, changes, 0, path, tiny=True, inline=True, address=None, **more)
    return run


@pytest.fixture(scope="module")
def collected(tmp_path_factory) -> RunDir:
    return start(COLLECT, tmp_path_factory.mktemp("collected") / "run")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ROOT, str(tmp_path / "datasets"))


def agent(run: RunDir) -> dict[str, torch.Tensor]:
    checkpoint = run.checkpoints.load_latest(with_replay=False)
    assert checkpoint is not None
    return checkpoint.learner_state["agent"]


def same(one: RunDir, other: RunDir) -> bool:
    return all(torch.equal(value, agent(other)[name]) for name, value in agent(one).items())


def test_it_learns_from_the_rows_of_a_run_and_a_dataset_of_them_gives_the_same(
    collected, tmp_path
) -> None:
    """Rows, a dataset of them, and the tables that either fills are the same, to the last bit."""
    run = start(OFFLINE, tmp_path / "rows", source=collected)
    status = run.read_status()
    assert status.state == "finished"
    assert status.env_steps == 0 and status.learner_steps == 60
    assert status.metrics["evaluation_return_mean"] < 0.0
    assert status.metrics["replay_items"] == collected.read_status().metrics["replay_items"]
    (written,) = datasets.write(collected, "own/reacher-v0")
    assert written.actions == status.metrics["replay_items"]
    again = start(OFFLINE, tmp_path / "dataset", "--data", "own/reacher-v0")
    assert same(run, again)
    assert again.source is None


def test_the_rows_are_linked_and_not_copied(collected, tmp_path) -> None:
    run = start(OFFLINE, tmp_path / "run", source=collected)
    assert run.source is not None
    (mine,), (theirs, *_) = run.source.checkpoints.paths(), collected.checkpoints.paths()
    tables = sorted((mine / "replay").glob("*.npy"))
    assert tables
    for table in tables:
        assert table.stat().st_ino == (theirs / "replay" / table.name).stat().st_ino
    assert not any((path / "replay").exists() for path in run.checkpoints.paths())


def test_a_second_life_goes_on_where_the_first_ended(collected, tmp_path, monkeypatch) -> None:
    def stopped_soon(self) -> bool:
        return self.stopping or self.progress.learner_steps >= 20

    with monkeypatch.context() as patch:
        patch.setattr(inline.Driver, "over", stopped_soon)
        run = start(OFFLINE, tmp_path / "run", source=collected)
    assert run.read_status().learner_steps == 20
    launch.resume(run, address=None)
    assert run.read_status().learner_steps == 60


def test_a_finished_run_is_found_and_named_and_others_are_not(tmp_path) -> None:
    said: list[str] = []
    start(COLLECT, tmp_path / "runs" / "other-settings", "--agent.gamma", "0.9")
    first = start(OFFLINE, tmp_path / "runs" / "first", say=said.append)
    assert said == []
    assert first.source is not None and not first.source.adopted
    second = start(OFFLINE, tmp_path / "runs" / "second", say=said.append)
    assert said == [f"starting from {first.source.path}, a finished run of {COLLECT}"]
    assert second.source is not None and second.source.adopted
    assert same(first, second)


def test_without_learning_rows_are_collected_and_weights_stay(tmp_path) -> None:
    stage = planning.stage_for(COLLECT, (), tiny=True)
    stage = replace(stage, learning=None)
    plan = planning.plan_for(stage, 0)
    run = RunDir.create(tmp_path / "run", COLLECT, (), stage, 0, tiny=True, inline=True)
    results = inline.run(plan, run)
    assert results["learner_steps"] == 0
    assert results["env_steps"] >= 1_000
    checkpoint = run.checkpoints.load_latest()
    assert checkpoint is not None and checkpoint.replay is not None
    untrained = plan.agent("learner").state_dict()
    assert all(torch.equal(agent(run)[name], value) for name, value in untrained.items())


def test_data_of_other_rows_and_runs_without_rows_are_one_sentence(tmp_path) -> None:
    grid = start("hierarchical_kl/grid-1step", tmp_path / "grid", "--limits.env-steps", "200")
    with pytest.raises(RunError, match="keeps no rows"):
        datasets.write(grid, "own/grid-v0")
    with pytest.raises(RunError, match="there is no Minari dataset 'own/none-v0'"):
        start(OFFLINE, tmp_path / "none", "--data", "own/none-v0")
    with pytest.raises(RunError, match="this one acts itself"):
        start(COLLECT, tmp_path / "acts", "--data", "own/none-v0")


OFF = EXPERIMENTS[OFFLINE].stage


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"learning": None}, "actors, learning or both"),
        ({"data": None}, "learns from data, and has none"),
        ({"evaluation": Evaluating()}, "every_learner_steps"),
        ({"limits": Limits(env_steps=9)}, "learner_steps or minutes"),
    ],
)
def test_stages_that_could_do_nothing_are_refused(changes, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        replace(OFF, **changes)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("dse/cartpole-3x3", "and so from no other data"), (COLLECT, "keep a ratio")],
)
def test_agents_that_cannot_take_data_are_refused(name, sentence) -> None:
    stage: Stage = replace(EXPERIMENTS[name].stage, data=FromDatasets(("own/x-v0",)))
    with pytest.raises(RunError, match=sentence):
        planning.plan_for(stage, 0)


def test_a_dataset_of_each_task(tmp_path) -> None:
    run = start("dse/reacher-3x3-independent", tmp_path / "run")
    written = datasets.write(run, "own/grid-v0")
    assert [one.name for one in written] == [f"own/grid-task-{i}-v0" for i in range(9)]
    for i, one in enumerate(written):
        tasks = {int(task) for rows in read_dataset(one.name) for task in rows.task}
        assert tasks == {i}
        assert one.actions > 0


@pytest.mark.cluster
@pytest.mark.reverb
def test_over_ray_rows_are_added_to_a_dataset_without_learning(collected, tmp_path) -> None:
    (written,) = datasets.write(collected, "own/reacher-v0")
    stage = planning.stage_for(COLLECT, ("--actors.environments", "2"), tiny=True)
    data = FromDatasets((written.name,))
    stage = replace(stage, learning=None, data=data, limits=Limits(env_steps=400))
    plan = planning.plan_for(stage, 0)
    run = RunDir.create(tmp_path / "run", COLLECT, (), stage, 0, tiny=True)
    results = supervisor.run(plan, run)
    assert results["learner_steps"] == 0
    assert results["evaluation_episodes"] == 4
    checkpoint = run.checkpoints.load_latest()
    assert checkpoint is not None and checkpoint.replay is not None
    rows = sum(len(rows.reward) - 1 for rows in saved_episodes(checkpoint.replay, plan.schema))
    # Of what was acted, the last step of an environment is a transition once the next is there.
    assert written.actions + results["env_steps"] - 100 <= rows
    assert rows <= written.actions + results["env_steps"]
