"""A run over Ray and Reverb goes on whatever is killed; real processes, real signals."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.cluster.live_run import PATIENCE_S, LiveRun

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]


OTHERS = ("dse/cartpole-3x3", "dse/reacher-3x3")
"""One for each further algorithm, on demand: they go through the same code of a run."""
EXPERIMENTS = ["quickstart", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]


@pytest.fixture(scope="module", params=EXPERIMENTS)
def run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveRun]:
    live = LiveRun(tmp_path_factory.mktemp("faults") / "run", request.param)
    live.start()
    yield live
    live.close()


def test_every_component_is_listed(run: LiveRun) -> None:
    roles = [c["role"] for c in run.status()["components"]]
    assert sorted(roles) == sorted(["driver", "replay", "learner", "evaluator", *["actor"] * 4])
    assert len(set(run.pids())) == len(roles), "each in its own process"


def test_killed_actor_comes_back(run: LiveRun) -> None:
    """kill -9 one actor of four: the run goes on and the actor is back."""
    before, after = run.kill("actor-2")
    assert after == before + 1
    run.wait_for_progress()


def test_killed_learner_resumes_from_its_checkpoint(run: LiveRun) -> None:
    """kill -9 the learner: no hand is needed and actors keep going."""
    run.wait(lambda: len(run.checkpoints()) > 0, "a checkpoint")
    saved = min(int(path.name[:9]) for path in run.checkpoints())
    before, after = run.kill("learner")
    assert after == before + 1
    run.wait_for_progress()
    assert run.counters()[1] > saved


def test_killed_replay_comes_back_with_its_tables(run: LiveRun) -> None:
    """kill -9 the Reverb server: readers and writers reconnect to the restored tables."""
    run.wait(lambda: len(run.checkpoints()) > 0, "a checkpoint")
    before, after = run.kill("replay")
    assert after == before + 1
    run.wait_for_progress()
    if run.experiment != "dse/cartpole-3x3":  # its queues are emptied as soon as they are filled
        assert run.status()["metrics"]["replay_items"] > 0


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_killed_driver_leaves_nothing_and_resumes(experiment: str, tmp_path: Path) -> None:
    """kill -9 the driver, then resume: counters go on; SIGTERM: a last checkpoint, no process."""
    run = LiveRun(tmp_path / "run", experiment)
    run.start()
    run.wait(lambda: len(run.checkpoints()) > 0, "a checkpoint")
    below = run.descendants()
    newest = run.checkpoints()[-1]
    assert run.process is not None
    os.kill(run.process.pid, signal.SIGKILL)
    run.process.wait()
    _, alive = psutil.wait_procs(below, timeout=PATIENCE_S)
    assert not alive, f"left behind: {alive}"

    saved = json.loads((newest / "manifest.json").read_text())["counters"]
    run.resume()
    env_steps, learner_steps = run.counters()
    assert env_steps >= saved["env_steps"]
    assert learner_steps >= saved["learner_steps"]
    run.wait_for_progress()

    below = run.descendants()
    before = run.counters()
    assert run.terminate() == 0, run.log()
    _, alive = psutil.wait_procs(below, timeout=PATIENCE_S)
    assert not alive, f"left behind: {alive}"
    assert run.status()["state"] == "stopped"
    last = json.loads((run.checkpoints()[-1] / "manifest.json").read_text())["counters"]
    assert last["env_steps"] >= before[0]
    assert last["learner_steps"] >= before[1]
