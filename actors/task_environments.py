"""The common part of tasks' environments, whether stepped one by one or as arrays.

Here actions are clipped, rows without an action are found and get their zeros, environments wait,
and episodes are counted. Subclasses take the steps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from skill_train.actors.clipping import Clip
from skill_train.actors.environments import Outcome
from skill_train.actors.episodes import EpisodeCounter
from skill_train.skill_agents.agent import EnvironmentSpec


class Moved(NamedTuple):
    """The outcome of a step as the environments report it; arrays ``[B, ...]``.

    Reward and termination count only where an action was taken and nothing failed.
    """

    observation: Mapping[str, np.ndarray]
    """o_{t+1}, in arrays that are never written again."""
    reward: np.ndarray
    terminated: np.ndarray
    ended: Mapping[int, Mapping[str, Any]]
    """The ``info`` of each environment whose episode ended, terminated or not, by slot."""
    failed: list[int]


class TaskEnvironments(ABC):
    """B environments, each bound to one task of the experiment; see `Environments`."""

    failures = 0
    """The number of times that an environment has raised or given NaN so far."""

    def __init__(self, tasks: Sequence[int], spec: EnvironmentSpec) -> None:
        """``tasks`` names the task of each of the B environments."""
        self.tasks = np.asarray(tasks, np.int32)
        self.size = len(self.tasks)
        self.spec = spec
        self._clip = Clip(spec.action)
        self._held = np.zeros(self.size, bool)

    def reset(self) -> Mapping[str, np.ndarray]:
        """Begin an episode in every environment; returns o_0, ``[B, ...]``."""
        self._over = np.zeros(self.size, bool)
        self._is_first = np.ones(self.size, bool)
        self._episodes = EpisodeCounter(self.tasks)
        self._observation = self._begin()
        return self._observation

    def step(self, action: np.ndarray) -> Outcome:
        """Act in every environment, as `Environments.step` says.

        No action is taken where an episode is over, where one waits to begin, and where the
        environment fails; all of these show a first observation next.
        """
        waits = self._held & self._is_first
        moved = self._move(self._clip(action), self._over, waits)
        is_first = self._over | waits
        for slot in moved.failed:
            is_first[slot] = True
            self._episodes.forget(slot)
        acted = ~is_first
        reward = np.where(acted, moved.reward, 0.0).astype(np.float32, copy=False)
        discount = (acted & ~moved.terminated).astype(np.float32)
        self._episodes.add(reward, acted)
        episodes = [self._episodes.end(slot, info) for slot, info in moved.ended.items()]
        ended = list(moved.ended)
        self._over = np.zeros(self.size, bool)
        if ended:
            self._over[ended] = True
        self._observation, self._is_first = moved.observation, is_first
        return Outcome(moved.observation, is_first, reward, discount, moved.failed, episodes, ended)

    def hold(self, held: np.ndarray) -> Mapping[str, np.ndarray]:
        """Let the environments ``held`` wait, as `Environments.hold` says."""
        released = self._held & self._is_first & ~held
        self._held = held
        if released.any():
            self._observation = self._release(released)
        return self._observation

    @abstractmethod
    def close(self) -> None:
        """Close every environment."""

    @abstractmethod
    def _begin(self) -> Mapping[str, np.ndarray]:
        """Reset every environment; returns first observations."""

    @abstractmethod
    def _move(self, action: np.ndarray, over: np.ndarray, waits: np.ndarray) -> Moved:
        """Reset where an episode is ``over``, stay where a slot ``waits``, act elsewhere."""

    def _release(self, released: np.ndarray) -> Mapping[str, np.ndarray]:
        """Begin an episode in the waiting environments ``released``; returns o_t of all."""
        return self._observation
