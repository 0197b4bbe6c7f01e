"""A run over Ray and Reverb goes on whatever is killed; real processes, real signals."""

from __future__ import annotations

import json
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


def saved_counters(checkpoint: Path) -> tuple[int, int]:
    """(environment steps, learner steps) of a checkpoint."""
    counters = json.loads((checkpoint / "manifest.json").read_text())["counters"]
    return counters["env_steps"], counters["learner_steps"]


def test_killed_driver_leaves_no_component_and_resumes(run: LiveRun) -> None:
    """kill -9 the driver, then resume: counters go on from the newest checkpoint."""
    run.wait(lambda: len(run.checkpoints()) > 0, "a checkpoint")
    newest = run.checkpoints()[-1]
    run.kill_driver()
    saved = saved_counters(newest)
    run.resume()
    assert run.counters()[0] >= saved[0]
    assert run.counters()[1] >= saved[1]
    run.wait_for_progress()


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


def test_sigterm_saves_and_leaves_nothing(run: LiveRun) -> None:
    """SIGTERM: a last checkpoint, and no process of this life or of one that was killed before.

    It comes last: Ray's agents outlive a killed driver by the minute that they try to report it.
    """
    below = run.descendants()
    before = run.counters()
    assert run.terminate() == 0, run.log()
    assert run.status()["state"] == "stopped"
    last = saved_counters(run.checkpoints()[-1])
    assert last[0] >= before[0]
    assert last[1] >= before[1]
    _, alive = psutil.wait_procs(below + run.orphans, timeout=PATIENCE_S)
    assert not alive, f"left behind: {alive}"
