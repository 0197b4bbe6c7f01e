"""What an agent at play needs of B environments, however they are stepped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
import torch

from skill_train.actors.episodes import EpisodeResult
from skill_train.skill_agents.agent import EnvironmentSpec, Timestep


class Outcome(NamedTuple):
    """What one step of all B environments brought; arrays ``[B, ...]``.

    The arrays are never written again: who gets them may keep them.
    """

    observation: Mapping[str, np.ndarray]
    """o_{t+1} by group."""
    is_first: np.ndarray
    """Where o_{t+1} begins an episode, bool ``[B]``."""
    reward: np.ndarray
    """r_t, float32 ``[B]``; 0 where nothing was done."""
    discount: np.ndarray
    """discount_t of `replay.step`, float32 ``[B]``; 0 where nothing was done."""
    failed: list[int]
    """Environments that raised or gave NaN; their unfinished rows are worthless."""
    episodes: list[EpisodeResult]
    """Those that ended with this step."""
    ended: list[int]
    """The environment of each of ``episodes``."""

    @property
    def acted(self) -> np.ndarray:
        """Where something was done, bool ``[B]``: everywhere but before a first observation."""
        return ~self.is_first


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
    def failures(self) -> int:
        """Environments that raised or gave NaN so far."""

    def reset(self) -> Mapping[str, np.ndarray]:
        """Begin an episode everywhere, before the first step; returns o_0, ``[B, ...]``."""

    def step(self, action: np.ndarray) -> Outcome:
        """Act everywhere: ``action [B, A]`` float, or ``[B]`` indices.

        What lies outside the bounds of `spec` is clipped to them, for the task alone: replay and
        the agent keep the action as it was drawn.
        """

    def hold(self, held: np.ndarray) -> Mapping[str, np.ndarray]:
        """Let the environments ``held`` wait wherever an episode begins, bool ``[B]``.

        Until the next call that does not name it, one that waits shows rows with ``is_first``, and
        its actions are ignored. It then begins an episode. Returns o_t, ``[B, ...]``, in which an
        environment that has waited may show another first observation than before.
        """

    def close(self) -> None:
        """Close them."""


def timestep_of(
    observation: Mapping[str, np.ndarray],
    reward: np.ndarray,
    is_first: np.ndarray,
    task: np.ndarray,
) -> Timestep:
    """The same arrays ``[B, ...]`` as the tensors that an agent sees."""
    return Timestep(
        {name: torch.from_numpy(array) for name, array in observation.items()},
        torch.from_numpy(reward),
        torch.from_numpy(is_first),
        torch.from_numpy(task),
    )
