"""Checkpoints of a run over Ray whose tables take long: the calls to replay are made up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from skill_train.cluster.over_ray import checkpointer as module
from skill_train.cluster.over_ray.checkpointer import Checkpointer


class Replay:
    """A replay member whose saves end when a test says so."""

    def __init__(self) -> None:
        self.asked: list[Path] = []
        self.finished: set[int] = set()
        self.waiting = threading.Event()
        """Set once somebody waits for a save that is not finished."""
        self.handle = SimpleNamespace(save=SimpleNamespace(remote=self._save))

    def _save(self, folder: Path) -> int:
        self.asked.append(folder)
        return len(self.asked) - 1

    def wait(self, refs: list[int], timeout: float) -> tuple[list[int], list[int]]:
        done = [ref for ref in refs if ref in self.finished]
        if not done and timeout:
            self.waiting.set()
        return done, [ref for ref in refs if ref not in done]

    def get(self, ref: int) -> None:
        return None


class Run:
    """Notes what is written, as `Checkpoints.save` would write it."""

    def __init__(self) -> None:
        self.written: list[tuple[int, str]] = []

    def save(self, counters: Any, state: Any, save: Any = None, **kwargs: Any) -> None:
        if save is not None:
            save(Path("tables"))
            self.written.append((state["steps"], "new tables"))
        else:
            self.written.append((state["steps"], str(kwargs["replay_from"])))

    def paths(self) -> list[Path]:
        return [Path("before")]


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Checkpointer, Replay, Run]]:
    replay, run = Replay(), Run()
    monkeypatch.setattr(module, "ray", SimpleNamespace(wait=replay.wait, get=replay.get))
    monkeypatch.setattr(module, "POLL_SECONDS", 0.001)
    checkpointer = Checkpointer(run, 3, replay)
    yield checkpointer, replay, run
    checkpointer.close()


def test_tables_rest_for_ten_times_as_long_as_their_last_save_took(parts, monkeypatch) -> None:
    _, replay, run = parts
    now = [100.0]
    checkpointer = Checkpointer(run, 3, replay, clock=lambda: now[0])
    replay.finished.update(range(9))

    def take_two_seconds(refs: list[int], timeout: float) -> tuple[list[int], list[int]]:
        now[0] += 2.0
        return refs, []

    monkeypatch.setattr(module.ray, "wait", take_two_seconds)
    for step, later in enumerate((0.0, 19.0, 0.5, 1.0)):
        now[0] += later
        checkpointer.begin({"steps": step}, {}, None)
        assert checkpointer._saving is not None
        checkpointer._saving.result()
        checkpointer.check()
    assert run.written == [
        (0, "new tables"),
        (1, "before"),  # 19 s after a save of 2 s
        (2, "before"),
        (3, "new tables"),
    ]
    checkpointer.last({"steps": 4}, {}, None)
    assert run.written[-1] == (4, "new tables"), "the last ones are always tried"
    checkpointer.close()


def test_tables_that_are_saved_in_time_are_part_of_it(parts) -> None:
    checkpointer, replay, run = parts
    replay.finished.add(0)
    checkpointer.last({"steps": 4}, {}, None)
    assert run.written == [(4, "new tables")]


@pytest.mark.timeout(20)
def test_the_last_checkpoint_does_not_wait_for_slow_tables(parts, monkeypatch) -> None:
    checkpointer, replay, run = parts
    monkeypatch.setattr(module, "LAST_REPLAY_SECONDS", 0.01)
    checkpointer.begin({"steps": 1}, {}, None)
    assert replay.waiting.wait(10)
    checkpointer.last({"steps": 2}, {}, None)
    assert run.written == [(1, "before"), (2, "before")]


@pytest.mark.timeout(20)
def test_no_second_save_of_the_tables_begins_beside_one_that_is_under_way(
    parts, monkeypatch
) -> None:
    checkpointer, replay, run = parts
    monkeypatch.setattr(module, "REPLAY_SECONDS", 0.01)
    for steps in (1, 2):
        checkpointer.begin({"steps": steps}, {}, None)
        checkpointer._saving.result(10)
        checkpointer.check()
    assert len(replay.asked) == 1
    assert run.written == [(1, "before"), (2, "before")]
    replay.finished.update((0, 1))
    checkpointer.begin({"steps": 3}, {}, None)
    checkpointer._saving.result(10)
    assert len(replay.asked) == 2
    assert run.written[-1] == (3, "new tables")


def test_a_replay_server_that_is_down_keeps_its_earlier_tables(parts) -> None:
    checkpointer, replay, run = parts
    replay.handle = None
    checkpointer.last({"steps": 5}, {}, None)
    assert run.written == [(5, "before")]
