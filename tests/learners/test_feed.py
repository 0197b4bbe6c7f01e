"""The feed: one batch ahead of the learner, errors passed on, nothing lost."""

from __future__ import annotations

import queue
import threading

import pytest
import torch

from skill_train.learners.feed import Batches, Feed
from tests.learners.tiny_agent import rows

CPU = torch.device("cpu")
LONG = 30.0
"""Seconds until a test that hangs gives up; none waits for it."""


class FakeReader:
    """Gives batches whose reward counts up from 0 for each draw, as long as the test allows."""

    def __init__(self, allowed: int = 1_000_000) -> None:
        self.allowed = threading.Semaphore(allowed)
        self.given: dict[str, int] = {}
        self.asked: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.closed = False
        self.error: Exception | None = None

    def next(self, draw, timeout_s):
        self.asked.put(draw)
        if self.error is not None:
            raise self.error
        if not self.allowed.acquire(blocking=False):
            return None
        number = self.given.get(draw, 0)
        self.given[draw] = number + 1
        return rows(number)

    def close(self):
        self.closed = True


def first_reward(batch, draw="rows") -> float:
    return float(batch[draw].reward[0, 0])


@pytest.fixture
def reader():
    return FakeReader()


def test_batches_come_in_order_as_tensors(reader):
    feed = Feed(Batches(reader, ("rows",), CPU))
    numbers = [first_reward(feed.next(LONG)) for _ in range(5)]
    feed.close()
    assert numbers == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_it_draws_before_the_learner_asks_and_not_without_end(reader):
    feed = Feed(Batches(reader, ("rows",), CPU), ahead=2)
    for _ in range(3):  # two that wait, and one in hand
        assert reader.asked.get(timeout=LONG) == "rows"
    assert reader.asked.empty()
    feed.close()
    assert reader.given["rows"] == 3


def test_none_where_replay_has_too_little():
    reader = FakeReader(allowed=0)
    feed = Feed(Batches(reader, ("rows",), CPU))
    assert feed.next(timeout_s=0.01) is None
    reader.allowed.release()
    assert first_reward(feed.next(LONG)) == 0.0
    feed.close()


def test_a_draw_that_came_is_kept_until_the_others_have_come():
    reader = FakeReader(allowed=1)
    feed = Feed(Batches(reader, ("one", "two"), CPU))
    assert feed.next(timeout_s=0.01) is None
    reader.allowed.release(3)
    batches = [feed.next(LONG), feed.next(LONG)]
    feed.close()
    assert [first_reward(b, "one") for b in batches] == [0.0, 1.0]
    assert [first_reward(b, "two") for b in batches] == [0.0, 1.0]


def test_what_reading_raises_the_learner_raises_each_time(reader):
    """None would say that replay has too little."""
    reader.error = OSError("replay is gone")
    feed = Feed(Batches(reader, ("rows",), CPU))
    for timeout_s in (LONG, 0.01, 0.01):
        with pytest.raises(OSError, match="replay is gone"):
            feed.next(timeout_s)
    feed.close()


def test_the_time_is_for_the_whole_batch_not_for_each_draw(monkeypatch):
    """By a clock that goes on only while the reader waits, 2 s for each draw."""
    now, allowed = [100.0], []

    class Slow(FakeReader):
        def next(self, draw, timeout_s):
            allowed.append(timeout_s)
            now[0] += min(2.0, timeout_s)
            return super().next(draw, timeout_s)

    monkeypatch.setattr("skill_train.learners.feed.monotonic", lambda: now[0])
    batches = Batches(Slow(), ("one", "two", "three"), CPU)
    assert batches.next(3.0).keys() == {"one", "two", "three"}
    assert allowed == [3.0, 1.0, 0.0]


@pytest.mark.parametrize("allowed", [0, 1_000_000])
def test_closing_ends_the_thread_and_the_reader_whether_it_waits_or_is_full(allowed):
    reader = FakeReader(allowed)
    before = set(threading.enumerate())
    feed = Feed(Batches(reader, ("rows",), CPU))
    reader.asked.get(timeout=LONG)
    feed.close()
    assert reader.closed
    assert set(threading.enumerate()) <= before


def test_without_a_thread_a_batch_is_whole_or_none_and_nothing_drawn_is_lost():
    reader = FakeReader(allowed=3)
    batches = Batches(reader, ("one", "two"), CPU)
    whole = batches.next(0.0)
    assert whole.keys() == {"one", "two"}
    assert batches.next(0.0) is None  # "one" came, "two" did not
    reader.allowed.release()
    assert batches.next(0.0).keys() == {"one", "two"}
