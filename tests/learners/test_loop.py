"""The loop of updates: when it ends, and how old it says that its data is."""

from __future__ import annotations

import math
from collections import deque

import pytest
import torch

from skill_train.learners.learner import Learner
from skill_train.learners.loop import LearnerLoop
from skill_train.replay.step import Step
from skill_train.replay.tables import Draw, TableSpec, queue, transitions
from skill_train.skill_agents.agent import Batch
from tests.learners.tiny_agent import TinyAgent
from tests.replay.streams import schema_of


class Aged(TinyAgent):
    """Learns ``minibatches`` times from each batch of one table."""

    def __init__(self, minibatches: int = 1) -> None:
        super().__init__()
        self._times = minibatches

    def minibatches(self, batch):
        return [batch] * self._times


class Prepared:
    """A source of prepared batches; notes what it hears of the learner's steps."""

    def __init__(self, *batches: Batch) -> None:
        self.left, self.heard = deque(batches), []

    def next(self, timeout_s: float) -> Batch | None:
        return self.left.popleft() if self.left else None

    def acted_by(self, newest: int) -> None:
        self.heard.append(newest)


def rows(version: list[list[int]], acted: list[list[bool]] | None = None) -> Batch:
    """``version [T+1, B]``, and where something was done, ``[T, B]``."""
    versions = torch.tensor(version)
    done = torch.ones(versions.shape, dtype=torch.bool)[1:]
    if acted is not None:
        done = torch.tensor(acted)
    zeros = torch.zeros(versions.shape)
    first = torch.cat([torch.ones(1, versions.shape[1], dtype=torch.bool), ~done])
    return {"rows": Step({}, zeros, zeros, zeros, first, zeros, versions, {})}


def loop(table: TableSpec, *batches: Batch, minibatches: int = 1) -> LearnerLoop:
    schema = schema_of([table], {"rows": Draw(table.name, 2)})
    return LearnerLoop(Learner(Aged(minibatches)), Prepared(*batches), schema)


def test_it_learns_until_the_updates_are_made_or_no_batch_comes() -> None:
    one = loop(transitions("t", 9), *[rows([[0], [0]])] * 3)
    assert one.learn(math.inf, updates=2).steps == 2
    report = one.learn(math.inf, updates=2)
    assert (report.steps, report.batches) == (3, 3)


def test_age_counts_the_rows_that_carry_an_action() -> None:
    """Two trials in 5 rows: two actions of versions 7 and 9, and four of version 3."""
    acted = [[True, True], [True, True], [False, True], [False, True]]
    version = [[7, 3], [9, 3], [9, 3], [0, 3], [0, 3]]
    one = loop(transitions("t", 9), rows(version, acted))
    one.learner.steps = 20
    assert one.learn(math.inf, 1).metrics["data_age_updates"] == pytest.approx(
        20 - (7 + 9 + 4 * 3) / 6
    )


def test_context_rows_are_not_learned_from_and_do_not_age_a_batch() -> None:
    one = loop(queue("q", 3, 9, stride=2), rows([[0], [4], [5], [5]]))
    one.learner.steps = 5
    metrics = one.learn(math.inf, 1).metrics
    assert metrics["data_age_updates"] == pytest.approx(0.5)
    assert metrics["data_age_batches_max"] == 1.0


def test_age_in_batches_counts_all_updates_of_a_batch_as_one() -> None:
    table = queue("q", 1, 9)
    one = loop(table, rows([[0], [0]]), rows([[0], [0]]), rows([[4], [4]]), minibatches=4)
    ages = [one.learn(math.inf, 1).metrics["data_age_batches"] for _ in range(3)]
    assert ages == [0.0, 1.0, 1.0]
    assert one.learner.steps == 12


def test_on_policy_batches_more_than_one_batch_old_are_refused() -> None:
    one = loop(queue("q", 1, 9), *[rows([[0], [0]])] * 3, rows([[2], [2]]))
    reports = [one.learn(math.inf, 1) for _ in range(4)]
    assert [r.steps for r in reports] == [1, 2, 2, 3], "the third was two updates old"
    assert [r.batches for r in reports] == [1, 2, 3, 4]
    assert reports[2].metrics["stale_batches_total"] == 1
    assert reports[2].metrics["data_age_batches_max"] == 2.0


def test_off_policy_batches_may_be_of_any_age() -> None:
    one = loop(transitions("t", 9), *[rows([[0], [0]])] * 9)
    report = one.learn(math.inf, 100)
    assert report.steps == 9
    assert report.metrics["data_age_updates"] == 4.0


def test_the_source_hears_how_far_the_learner_is_before_anybody_acts_with_it() -> None:
    one = loop(queue("q", 1, 9), rows([[0], [0]]))
    one.learner.steps = 7
    source = one._source
    one.learn(0.0, 0)
    assert source.heard == [7]


def test_on_policy_batches_of_weights_that_were_lost_are_refused() -> None:
    one = loop(queue("q", 1, 9), rows([[3], [3]]), rows([[0], [0]]))
    reports = [one.learn(math.inf, 1) for _ in range(2)]
    assert [r.steps for r in reports] == [0, 1]
    assert reports[1].metrics["stale_batches_total"] == 1
