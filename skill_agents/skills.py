"""Skills: a trained policy that leaves a choice open.

Another agent can act by them: what it sees as its actions are choices. Where nobody chooses,
choices are drawn, which shows what the skills are. `actors.skill_env` does either in environments.
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
    """What there is to choose, how the trained policy acts on a choice, and a choice by default.

    B environments have a state each, as an agent's: skills may hold a choice, or remember what they
    have seen. It does not count where ``timestep.is_first``, and the skills themselves clear it.
    """

    action: ContinuousAction | DiscreteAction
    """The choices: what an agent sees as its actions."""
    groups: frozenset[str]
    """The groups of an observation that the trained policy looks at."""

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
        """Actions for the task itself, by choices ``[B, C]``, or ``[B]`` indices.

        ``timestep`` may hold more groups than `groups`; its task means nothing to the skills.
        """

    @abstractmethod
    def draw(
        self, timestep: Timestep, state: ActState, generator: torch.Generator | None = None
    ) -> Tensor:
        """The choices of nobody, for `act` at the same ``timestep`` and ``state``."""

    def check(self, trained: EnvironmentSpec, task: EnvironmentSpec) -> None:
        """Raises ValueError where a policy ``trained`` on one task cannot act in another."""
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
    """How choices are made of a trained agent."""

    @abstractmethod
    def build(self, agent: Agent) -> Skills:
        """The skills; raises ValueError for an agent that has none of this kind."""
