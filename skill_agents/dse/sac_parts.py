"""Policies of DSE-SAC: one of two towers that all tasks share, or one for each task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from skill_train.skill_agents.agent import EnvironmentSpec
from skill_train.skill_agents.nets.squashed_gaussian import SquashedGaussian
from skill_train.skill_agents.nets.view import View
from skill_train.skill_agents.ranges import Count, Sizes
from skill_train.skill_agents.sac.parts import Policy


class TwoTowers(nn.Module):
    """pi(a | s, z, g): state and latents each through a layer of their own, then one together."""

    def __init__(
        self, config: TwoTowersConfig, spec: EnvironmentSpec, latent_size: int, action_size: int
    ) -> None:
        super().__init__()
        self.view = View(config.groups, spec.observation)
        self.state = nn.Linear(self.view.size, config.tower)
        self.latent = nn.Linear(latent_size, config.tower)
        self.both = nn.Linear(2 * config.tower, config.hidden)
        self.head = nn.Linear(config.hidden, 2 * action_size)

    def forward(
        self, observation: Mapping[str, Tensor], task: Tensor, latent: Tensor
    ) -> SquashedGaussian:
        """Groups ``[..., N, B, *]`` and latents ``[..., N, B, D]`` to a distribution.

        ``task`` ``[N]`` is not looked at.
        """
        towers = torch.cat([self.state(self.view(observation)), self.latent(latent)], -1).relu()
        return SquashedGaussian.of(self.head(self.both(towers).relu()))


class IndependentSACPolicies(Policy):
    """A network for each task of the family, for learners that share nothing."""

    def forward(
        self, observation: Mapping[str, Tensor], task: Tensor, latent: Tensor | None = None
    ) -> SquashedGaussian:
        """``latent`` has size 0."""
        return super().forward(observation, task)


SACPolicy = TwoTowers | IndependentSACPolicies


@dataclass(frozen=True)
class TwoTowersConfig:
    """Table 2, "50 x 2 - 100"."""

    groups: tuple[str, ...] = ("state",)
    tower: Count = 50  # Table 2
    hidden: Count = 100  # Table 2

    def build(self, spec: EnvironmentSpec, latent_size: int, action_size: int) -> SACPolicy:
        """The policy, freshly initialised."""
        return TwoTowers(self, spec, latent_size, action_size)


@dataclass(frozen=True)
class IndependentSACPoliciesConfig:
    """As the shared policy without its latents (appendix B.3)."""

    groups: tuple[str, ...] = ("state",)
    hidden: Sizes = (50, 100)  # Table 2

    def build(self, spec: EnvironmentSpec, latent_size: int, action_size: int) -> SACPolicy:
        """The policies, freshly initialised; ``latent_size`` is 0."""
        return IndependentSACPolicies(self.groups, self.hidden, spec, action_size)


SACPolicyConfig = TwoTowersConfig | IndependentSACPoliciesConfig
