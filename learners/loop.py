"""The loop of updates, in a run's only process or in the learner's: draw, learn, report.

The age of data is measured here: how many updates, and how many batches, lie between the weights
that acted and the update that learns from the data. 0 is on-policy.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from skill_train.learners.learner import Learner
from skill_train.replay.schema import Schema
from skill_train.replay.step import Step
from skill_train.skill_agents.agent import Batch

log = logging.getLogger(__name__)

MOST_BATCHES_OLD = 1.0
"""Largest age of on-policy data: that of the weights before the last batch."""


class Source(Protocol):
    """A source of batches: `learners.feed.Feed`, or `Batches` itself."""

    def next(self, timeout_s: float) -> Batch | None:
        """The next batch, or None after ``timeout_s`` seconds."""

    def acted_by(self, newest: int) -> None:
        """Draw no on-policy data that weights above policy version ``newest`` acted."""


@dataclass
class LearnerReport:
    """The updates, metrics and times of one call of `LearnerLoop.learn`."""

    steps: int
    """Updates since the run began."""
    batches: int = 0
    """Batches drawn since this process began, learned from or refused."""
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    wait_seconds: float = 0.0
    """Seconds spent waiting for data."""


class LearnerLoop:
    """Updates of one learner from one source; on-policy batches that are too old are refused."""

    def __init__(self, learner: Learner, source: Source, schema: Schema) -> None:
        self.learner, self._source = learner, source
        self._specs = {name: schema.table_of(name) for name in schema.draws}
        self._first_step = learner.steps
        self._learned = self._refused = 0

    def learn(self, seconds: float, updates: int) -> LearnerReport:
        """Learn until ``seconds`` have passed, ``updates`` are made or no batch comes.

        Raises NonFiniteLossError instead of reporting broken numbers.
        """
        learner, source = self.learner, self._source
        started, waited = time.perf_counter(), 0.0
        ages: list[Tensor] = []
        oldest: list[float] = []
        last = learner.steps + updates
        source.acted_by(learner.steps)
        while learner.steps < last and (left := started + seconds - time.perf_counter()) > 0:
            asked = time.perf_counter()
            batch = source.next(timeout_s=left)
            waited += time.perf_counter() - asked
            if batch is None:
                break
            once = {name: rows for name, rows in batch.items() if self._specs[name].use_once}
            if once:
                oldest.append(self._batches(learner.steps - self._oldest_version(once)))
                if not 0.0 <= oldest[-1] <= MOST_BATCHES_OLD:  # below 0: data of lost weights
                    self._refused += 1
                    log.warning("refused a batch of data %.1f batches old", oldest[-1])
                    break
            ages.append(learner.steps - self._mean_version(once or batch))
            learner.update(batch)
            self._learned += 1
            source.acted_by(learner.steps)
        metrics = learner.metrics()
        if ages:
            age = float(torch.stack(ages).mean())
            metrics |= {"data_age_updates": age, "data_age_batches": self._batches(age)}
        if oldest:
            metrics |= {"data_age_batches_max": max(oldest), "stale_batches_total": self._refused}
        drawn = self._learned + self._refused
        spent = time.perf_counter() - started
        return LearnerReport(learner.steps, drawn, metrics, spent, waited)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a checkpoint's learner state."""
        self.learner.load_state_dict(state)
        self._first_step, self._learned = self.learner.steps, 0

    def _batches(self, updates: float) -> float:
        """``updates`` as a number of batches: one batch may give several (`Agent.minibatches`)."""
        if not self._learned:
            return updates
        return updates * self._learned / (self.learner.steps - self._first_step)

    def _mean_version(self, batch: Batch) -> Tensor:
        """Mean policy version of the rows that are learned from.

        A scalar on the batch's device, so that the host does not wait for it.
        """
        means = []
        for name, rows in batch.items():
            version, valid = self._versions(name, rows)
            means.append((version * valid).double().sum() / valid.sum())
        return torch.stack(means).mean()

    def _oldest_version(self, batch: Batch) -> float:
        """Smallest policy version of the rows that are learned from."""
        pairs = [self._versions(name, rows) for name, rows in batch.items()]
        return float(min(version[valid].min() for version, valid in pairs))

    def _versions(self, name: str, rows: Step) -> tuple[Tensor, Tensor]:
        """The policy version of each row, and whether the row is learned from, ``[T, ...]``."""
        new = slice(self._specs[name].context_rows, None)
        return rows.policy_version[:-1][new], rows.valid()[new]
