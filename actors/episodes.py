"""Finished episodes, and the one counter of returns and lengths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np


class EpisodeResult(NamedTuple):
    """One finished episode."""

    task: int
    return_: float
    length: int
    success: bool | None
    """None where the task has no notion of success."""
    return_per_episode: tuple[float, ...] = ()
    """The returns of a trial's episodes, which share a task (`tasks.trials`); else empty."""


class EpisodeCounter:
    """The return and length so far of the present episode of each of B environments."""

    def __init__(self, tasks: np.ndarray) -> None:
        """``tasks``: the index of each environment's task, ``[B]``."""
        self._tasks = tasks
        self._returns = np.zeros(len(tasks))
        self._lengths = np.zeros(len(tasks), np.int64)

    def add(self, reward: np.ndarray, acted: np.ndarray) -> None:
        """Count one step, ``[B]``; ``reward`` must be 0 where not ``acted``."""
        self._returns += reward
        self._lengths += acted

    def end(self, slot: int, info: Mapping[str, Any]) -> EpisodeResult:
        """The finished episode of environment ``slot``; ``info`` is that of its last step.

        ``info`` may hold ``success`` and, of a trial, ``return_per_episode``.
        """
        success = info.get("success")
        result = EpisodeResult(
            int(self._tasks[slot]),
            float(self._returns[slot]),
            int(self._lengths[slot]),
            None if success is None else bool(success),
            tuple(map(float, info.get("return_per_episode", ()))),
        )
        self.forget(slot)
        return result

    def forget(self, slot: int) -> None:
        """Count environment ``slot`` from 0 again."""
        self._returns[slot] = 0.0
        self._lengths[slot] = 0
