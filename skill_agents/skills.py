"""Skills: a trained policy that leaves a choice open, which another agent can act by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from skill_train.skill_agents.agent import Agent, ContinuousAction, DiscreteAction


class Skills(ABC):
    """What the choices are, and what the trained policy does about one."""

    action: ContinuousAction | DiscreteAction
    """The choices: what an agent sees as its actions."""

    @abstractmethod
    def act(
        self,
        observation: Mapping[str, Tensor],
        choice: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Actions for the task itself, ``[B, A]`` or ``[B]``.

        ``observation`` ``[B, *]`` may hold more groups than the trained policy knows, which looks
        at its own; ``choice`` is ``[B, C]``, or ``[B]`` indices.
        """


@dataclass(frozen=True)
class SkillsConfig(ABC):
    """How choices are made of a trained agent."""

    @abstractmethod
    def build(self, agent: Agent) -> Skills:
        """They; raises ValueError for an agent that has no such skills."""
