"""What an agent at play needs of B environments, however they are stepped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from skill_train.actors.vector_env import Outcome
from skill_train.skill_agents.agent import EnvironmentSpec


class Environments(Protocol):
    """B environments, each bound to one task, in the order of rows of `replay.step`."""

    @property
    def tasks(self) -> np.ndarray:
        """The index of each one's task, int32 ``[B]``."""

    @property
    def size(self) -> int:
        """B."""

    @property
    def spec(self) -> EnvironmentSpec:
        """Observations and actions of one of them."""

    @property
    def observation(self) -> Mapping[str, np.ndarray]:
        """o_t of every environment, ``[B, ...]``; `step` may overwrite it."""

    @property
    def is_first(self) -> np.ndarray:
        """Where o_t begins an episode, bool ``[B]``."""

    @property
    def failures(self) -> int:
        """Environments that raised or gave NaN so far."""

    def step(self, action: np.ndarray) -> Outcome:
        """Act everywhere: ``action [B, A]`` float, or ``[B]`` indices.

        What lies outside the bounds of `spec` is clipped to them, for the task alone: replay and
        the agent keep the action as it was drawn.
        """

    def hold(self, held: np.ndarray) -> None:
        """Let the environments ``held`` wait wherever an episode begins, bool ``[B]``.

        Until the next call that does not name it, one that waits shows first observations, and its
        actions are ignored. It then begins an episode.
        """

    def close(self) -> None:
        """Close them."""
