"""Skills: a trained policy that leaves a choice open.

The choices can be the actions of another agent, or be drawn at random, which shows the skills.
`actors.skill_env` does either in environments.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:  # an agent knows its skills, so they cannot import its module
    from skill_train.skill_agents.agent import (
        Acting,
        ActState,
        Agent,
        ContinuousAction,
        DiscreteAction,
        EnvironmentSpec,
        Timestep,
    )


class Skills(ABC):
    """The choices that a trained policy leaves open, its actions on a choice, and a default draw.

    B environments have a state each, as an agent's: skills may hold a choice, or remember past
    observations. The skills themselves clear it where ``timestep.is_first``.
    """

    action: ContinuousAction | DiscreteAction
    """The choices, as the actions of an agent."""
    groups: frozenset[str]
    """The observation groups that the trained policy sees."""

    def initial_state(self, batch: int) -> ActState:
        """The state of ``batch`` environments before their first row."""
        return {}

    @abstractmethod
    def act(
        self,
        timestep: Timestep,
        choice: Tensor,
        state: ActState,
        generator: torch.Generator | None = None,
    ) -> Acting:
        """Actions for the task itself, from choices ``[B, C]`` or indices ``[B]``.

        ``timestep`` may hold more groups than `groups`; its ``task`` is ignored.
        """

    @abstractmethod
    def draw(
        self, timestep: Timestep, state: ActState, generator: torch.Generator | None = None
    ) -> Tensor:
        """Default choices, for `act` at the same ``timestep`` and ``state``."""

    def check(self, trained: EnvironmentSpec, task: EnvironmentSpec) -> None:
        """Raise ValueError if a policy of the task ``trained`` cannot act in ``task``."""
        if trained.action != task.action:
            raise ValueError(f"the skills give {trained.action}, but the task takes {task.action}")
        for name in sorted(self.groups):
            known, shown = trained.observation[name], task.observation.get(name)
            if shown != known:
                raise ValueError(
                    f"the skills look at {name!r} of shape {known.shape}, but the task shows "
                    + ("none" if shown is None else f"it as {shown.shape}")
                )


@dataclass(frozen=True)
class SkillsConfig(ABC):
    """The choices to make of a trained agent."""

    @abstractmethod
    def build(self, agent: Agent) -> Skills:
        """The skills; raises ValueError for an agent that has none of this kind."""
