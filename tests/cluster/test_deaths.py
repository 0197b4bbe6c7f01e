"""What a run makes of the ways in which its processes die, with real ones under Ray."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import ray
from ray.exceptions import (
    ActorUnavailableError,
    ActorUnschedulableError,
    NodeDiedError,
    ObjectLostError,
    OutOfMemoryError,
    RayError,
)

from skill_train.cluster.errors import RunError
from skill_train.cluster.over_ray.logs import Logs
from skill_train.cluster.over_ray.members import Answer, Member, answered
from skill_train.cluster.over_ray.ray_session import ray_session
from skill_train.cluster.over_ray.workers import Worker

pytestmark = pytest.mark.cluster
PATIENCE_S = 60.0


@pytest.fixture(scope="module", autouse=True)
def on_ray() -> Iterator[None]:
    with ray_session(None, cpus=2):
        yield


def started(worker: type, logs: Logs) -> Member:
    one = Member("actor", "actor-0", lambda: ray.remote(worker).remote(), logs)
    one.begin()
    return one


def wait_for_answer(one: Member) -> Answer | None:
    assert answered([one], PATIENCE_S) == [one]
    return one.answer()


def test_a_constructor_that_raises_ends_the_run_with_its_own_sentence(tmp_path: Path) -> None:
    class Broken(Worker):
        def __init__(self) -> None:
            raise FileNotFoundError(2, "No such file or directory", "/data/demonstrations")

    one = started(Broken, Logs(tmp_path))
    cause = r"actor-0 could not start: FileNotFoundError: .* '/data/demonstrations'"
    with pytest.raises(RunError, match=cause):
        wait_for_answer(one)
    assert "in __init__" in (tmp_path / "actor-0.log").read_text(), "the whole traceback"


def test_a_crash_leaves_the_end_of_its_log_in_the_folder(tmp_path: Path) -> None:
    class Crashes(Worker):
        def act(self) -> None:
            logging.getLogger().warning("about to crash")
            os.abort()

    logs = Logs(tmp_path)
    one = started(Crashes, logs)
    wait_for_answer(one)
    where = one.where
    assert where is not None
    one.send("act")
    assert wait_for_answer(one) is None
    assert (one.handle, one.restarts) == (None, 1)

    log, deadline = tmp_path / "actor-0.log", time.monotonic() + PATIENCE_S
    while "Fatal Python error: Aborted" not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        logs.collect(timeout_s=1.0)
    assert f"process {where.pid} on {where.host} died: The actor is dead" in log.read_text()
    assert "WARNING root: about to crash" in log.read_text()


def test_the_logs_of_the_living_are_written_down_at_the_end(tmp_path: Path) -> None:
    class Talks(Worker):
        def __init__(self) -> None:
            super().__init__()
            logging.getLogger().info("all is well")

    logs = Logs(tmp_path)
    one = started(Talks, logs)
    wait_for_answer(one)
    logs.last({"actor-0": one.handle})
    one.kill()
    assert "INFO root: all is well" in (tmp_path / "actor-0.log").read_text()


REPLACED: list[RayError] = [
    OutOfMemoryError("1 worker(s) were killed due to the node running low on memory."),
    NodeDiedError("the node is gone"),
    ActorUnschedulableError("no node fits"),
    ActorUnavailableError("the connection broke", None),
]


@pytest.mark.parametrize("error", REPLACED, ids=lambda error: type(error).__name__)
def test_a_process_that_ray_gives_up_is_replaced(
    error: RayError, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And ended, as Ray may only have lost sight of it: two would be one too many."""
    one = started(Worker, Logs(tmp_path))
    wait_for_answer(one)
    assert one.where is not None
    process = psutil.Process(one.where.pid)
    one.send("log")
    with monkeypatch.context() as patch:
        patch.setattr(ray, "get", raises(error))
        assert wait_for_answer(one) is None
    assert (one.handle, one.restarts) == (None, 1)
    process.wait(PATIENCE_S)


def test_a_lost_answer_is_not_a_death(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = started(Worker, Logs(tmp_path))
    wait_for_answer(one)
    one.send("log")
    with monkeypatch.context() as patch:
        patch.setattr(ray, "get", raises(ObjectLostError("00", None, "")))
        assert wait_for_answer(one) is None
    assert one.handle is not None
    assert one.restarts == 0
    one.kill()


def raises(error: Exception) -> Callable[[Any], Any]:
    def get(refs: Any) -> Any:
        raise error

    return get
