"""The encoder's input from trials ``[T+1, B]``."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skill_train.replay.step import Step
from skill_train.skill_agents.agent import DiscreteAction, EnvironmentSpec, Timestep
from skill_train.skill_agents.nets.view import View

STATE = ("state",)
"""Groups that the policy sees beside the belief."""
ARRIVED = ("arrived",)
"""Group of the state that an action led to, before a reset at an episode's end."""
EXPERIENCE = ("arrived", "new_episode")
"""Groups that the encoder sees beside the last action and its reward."""


class ActionCode(nn.Module):
    """Actions as float vectors ``[..., size]``: as they are, or one-hot."""

    def __init__(self, spec: EnvironmentSpec) -> None:
        super().__init__()
        self.discrete = isinstance(spec.action, DiscreteAction)
        action = spec.action
        self.size = action.count if isinstance(action, DiscreteAction) else action.size

    def forward(self, action: Tensor) -> Tensor:
        """Actions ``[...]`` int64 or ``[..., A]`` float to vectors."""
        return F.one_hot(action, self.size).float() if self.discrete else action


class Experience(nn.Module):
    """(a_{t-1}, r_{t-1}, arrived_t, new_episode_t) as one vector ``[..., size]``."""

    def __init__(self, spec: EnvironmentSpec) -> None:
        super().__init__()
        self.view = View(EXPERIENCE, spec.observation)
        self.code = ActionCode(spec)
        self.size = self.view.size + self.code.size + 1

    def of_rows(self, rows: Step) -> Tensor:
        """The experience of each action, complete at the row after it, ``[T, B, size]``."""
        now, later = rows.map(lambda leaf: leaf[:-1]), rows.map(lambda leaf: leaf[1:])
        reward = now.reward.unsqueeze(-1)
        return torch.cat([self.view(later.observation), self.code(now.action), reward], -1)

    def of_timestep(self, timestep: Timestep, action_code: Tensor) -> Tensor:
        """The experience of the last action while acting, ``[B, size]``, from the action's code."""
        reward = timestep.reward.unsqueeze(-1)
        return torch.cat([self.view(timestep.observation), action_code, reward], -1)
