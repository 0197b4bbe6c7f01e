"""The policy pi(a | s, belief) and the value V(s, belief): two networks with the same inputs."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from skill_train.skill_agents.agent import DiscreteAction, EnvironmentSpec
from skill_train.skill_agents.nets.categorical import Categorical, CategoricalHead
from skill_train.skill_agents.nets.gaussian import Gaussian, GaussianHead
from skill_train.skill_agents.nets.mlp import MLP, ScalarHead
from skill_train.skill_agents.nets.view import View
from skill_train.skill_agents.vate.trajectory import STATE

INITIAL_STD, MINIMUM_STD = 0.5, 0.05
"""Standard deviations of continuous actions, whose range is [-1, 1]."""


class Policy(nn.Module):
    """pi(a | s, belief)."""

    def __init__(self, spec: EnvironmentSpec, belief_size: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.view = View(STATE, spec.observation)
        self.torso = MLP(self.view.size + belief_size, sizes)
        self.head: nn.Module
        if isinstance(spec.action, DiscreteAction):
            self.head = CategoricalHead(self.torso.output_size, spec.action.count)
        else:
            self.head = GaussianHead(
                self.torso.output_size, spec.action.size, INITIAL_STD, MINIMUM_STD, tanh_mean=True
            )

    def forward(self, observation: Mapping[str, Tensor], belief: Tensor) -> Categorical | Gaussian:
        """Groups ``[..., *]`` and beliefs ``[..., size]`` to a distribution of actions."""
        features = self.torso(torch.cat([self.view(observation), belief], -1))
        policy: Categorical | Gaussian = self.head(features)
        return policy


class Value(nn.Module):
    """V(s, belief) in units of the scaled reward."""

    def __init__(self, spec: EnvironmentSpec, belief_size: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.view = View(STATE, spec.observation)
        self.network = ScalarHead(self.view.size + belief_size, sizes)

    def forward(self, observation: Mapping[str, Tensor], belief: Tensor) -> Tensor:
        """Groups ``[..., *]`` and beliefs ``[..., size]`` to values ``[...]``."""
        value: Tensor = self.network(torch.cat([self.view(observation), belief], -1))
        return value
