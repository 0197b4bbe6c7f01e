"""The interface of B environments in which an agent acts, however they are stepped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
import torch

from skill_train.actors.episodes import EpisodeResult
from skill_train.skill_agents.agent import EnvironmentSpec, Timestep


class Outcome(NamedTuple):
    """The outcome of one step of all B environments; arrays ``[B, ...]``.

    The arrays are never written again, so a caller may keep them.
    """

    observation: Mapping[str, np.ndarray]
    """o_{t+1} by group."""
    is_first: np.ndarray
    """Whether o_{t+1} begins an episode, bool ``[B]``."""
    reward: np.ndarray
    """r_t, float32 ``[B]``; 0 where no action was taken."""
    discount: np.ndarray
    """discount_t of `replay.step`, float32 ``[B]``; 0 where no action was taken."""
    failed: list[int]
    """Slots whose environments raised or gave NaN; their unfinished rows are worthless."""
    episodes: list[EpisodeResult]
    """Episodes that ended with this step."""
    ended: list[int]
    """The slot of each of ``episodes``."""

    @property
    def acted(self) -> np.ndarray:
        """Mask of the actions taken, bool ``[B]``: all but those before a first observation."""
        return ~self.is_first


class Environments(Protocol):
    """B environments, each bound to one task, in the order of rows of `replay.step`."""

    @property
    def tasks(self) -> np.ndarray:
        """The index of each environment's task, int32 ``[B]``."""

    @property
    def size(self) -> int:
        """The number of environments, B."""

    @property
    def spec(self) -> EnvironmentSpec:
        """Observations and actions of one environment."""

    @property
    def failures(self) -> int:
        """The number of times that an environment has raised or given NaN so far."""

    def reset(self) -> Mapping[str, np.ndarray]:
        """Begin an episode everywhere, before the first step; returns o_0, ``[B, ...]``."""

    def step(self, action: np.ndarray) -> Outcome:
        """Act in every environment: ``action [B, A]`` float, or ``[B]`` indices.

        Actions are clipped to the bounds of `spec` for the task alone: replay and the agent keep
        them as they were drawn.
        """

    def hold(self, held: np.ndarray) -> Mapping[str, np.ndarray]:
        """Let the environments ``held`` wait wherever an episode begins, bool ``[B]``.

        A waiting environment shows rows with ``is_first``, and its actions are ignored, until a
        call does not hold it any more; then it begins an episode. Returns o_t, ``[B, ...]``, in
        which an environment that has waited may show another first observation than before.
        """

    def close(self) -> None:
        """Close every environment."""


def timestep_of(
    observation: Mapping[str, np.ndarray],
    reward: np.ndarray,
    is_first: np.ndarray,
    task: np.ndarray,
) -> Timestep:
    """The arrays ``[B, ...]`` as the tensors that an agent sees."""
    return Timestep(
        {name: torch.from_numpy(array) for name, array in observation.items()},
        torch.from_numpy(reward),
        torch.from_numpy(is_first),
        torch.from_numpy(task),
    )
