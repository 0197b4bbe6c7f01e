"""Runs that start from another's end: in one go, from a finished run, and when it goes wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from skill_train.cluster import control, launch
from skill_train.cluster.errors import RunError
from skill_train.cluster.loop import inline
from skill_train.cluster.store.run_dir import RunDir

BEFORE, AFTER = "dse/cartpole-6-3", "dse/cartpole-6-3-retrain-embeddings"


def start(name: str, path: Path, source: RunDir | None = None) -> RunDir:
    run, _ = launch.start(name, [], 0, path, tiny=True, inline=True, address=None, source=source)
    return run


def agent(run: RunDir) -> dict[str, torch.Tensor]:
    checkpoint = run.checkpoints.load_latest(with_replay=False)
    assert checkpoint is not None
    return checkpoint.learner_state["agent"]


@pytest.fixture(scope="module")
def before(tmp_path_factory) -> RunDir:
    return start(BEFORE, tmp_path_factory.mktemp("runs") / "before")


def refuse_training_of(run: RunDir, source: RunDir) -> None:
    """The policy is the source's to the bit, embeddings of unseen tasks have moved on."""
    mine, theirs = agent(run), agent(source)
    assert all(torch.equal(mine[k], theirs[k]) for k in mine if k.startswith("policy."))
    assert not torch.equal(mine["embedding.goal.mean"], theirs["embedding.goal.mean"])


def test_from_a_finished_run_which_may_go_away_afterwards(before, tmp_path):
    copy = shutil.copytree(before.path, tmp_path / "copy")
    run = start(AFTER, tmp_path / "run", RunDir(copy))
    shutil.rmtree(copy)
    refuse_training_of(run, before)
    launch.resume(run, address=None)
    assert run.source is not None and run.source.adopted
    assert not (run.source.checkpoints.paths()[0] / "replay").exists()
    with pytest.raises(RunError, match="is a copy that the run around it starts from"):
        launch.resume(run.source, address=None)
    assert len(run.source.checkpoints.paths()) == 1


def test_in_one_go(before, tmp_path):
    """The experiment before is trained as if it had been run by itself."""
    run = start(AFTER, tmp_path / "run")
    assert run.source is not None and run.source.read_status().state == "finished"
    first = agent(run.source)
    assert all(torch.equal(first[k], v) for k, v in agent(before).items())
    refuse_training_of(run, run.source)


def test_what_is_stopped_before_its_own_turn_is_resumed_there(tmp_path, monkeypatch):
    def stopped_at_once(self) -> None:
        self._driver.stopping = True

    with monkeypatch.context() as patch:
        patch.setattr(inline.InlineLoop, "train", stopped_at_once)
        run = start(AFTER, tmp_path / "run")
    assert control.status(run)["state"] == "stopped"
    assert not run.checkpoints.paths()
    launch.resume(run, address=None)
    assert control.status(run)["state"] == "finished"
    assert run.source is not None
    refuse_training_of(run, run.source)


def test_only_what_comes_after_takes_a_source(before, tmp_path):
    with pytest.raises(RunError, match="does not start from another run"):
        start(BEFORE, tmp_path / "run", before)
    assert not (tmp_path / "run").exists()


def test_a_source_that_does_not_fit_is_refused_before_the_run_exists(tmp_path):
    other = start("hierarchical_kl/grid-1step", tmp_path / "other")
    with pytest.raises(RunError, match="cannot copy 'policy': only one of the two agents has"):
        start(AFTER, tmp_path / "run", other)
    assert not (tmp_path / "run").exists()


def test_a_source_without_a_checkpoint_is_refused(before, tmp_path):
    copy = RunDir(shutil.copytree(before.path, tmp_path / "copy"))
    shutil.rmtree(copy.path / "checkpoints")
    with pytest.raises(RunError, match="no checkpoint yet, so nothing can start from it"):
        start(AFTER, tmp_path / "run", copy)


def test_a_lost_source_is_named(before, tmp_path):
    run = start(AFTER, tmp_path / "run", before)
    shutil.rmtree(run.path / "source")
    with pytest.raises(RunError, match="has lost .*source, the run that it starts from"):
        launch.resume(run, address=None)
