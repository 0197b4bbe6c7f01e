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
    """pi(a | s, z, g): a layer for the state, a layer for the latents, then one for both."""

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

        ``task`` ``[N]`` is ignored.
        """
        towers = torch.cat([self.state(self.view(observation)), self.latent(latent)], -1).relu()
        return SquashedGaussian.of(self.head(self.both(towers).relu()))


class IndependentSACPolicies(Policy):
    """A network for each task of the family, for learners that share nothing."""

    def forward(
        self, observation: Mapping[str, Tensor], task: Tensor, latent: Tensor | None = None
    ) -> SquashedGaussian:
        """Groups to a distribution for each task; ``latent`` has size 0."""
        return super().forward(observation, task)


SACPolicy = TwoTowers | IndependentSACPolicies


@dataclass(frozen=True)
class TwoTowersConfig:
    """The shared policy of table 2, "50 x 2 - 100"."""

    groups: tuple[str, ...] = ("state",)
    tower: Count = 50  # Table 2
    hidden: Count = 100  # Table 2

    def build(self, spec: EnvironmentSpec, latent_size: int, action_size: int) -> SACPolicy:
        """The policy, freshly initialised."""
        return TwoTowers(self, spec, latent_size, action_size)


@dataclass(frozen=True)
class IndependentSACPoliciesConfig:
    """Policies like the shared one without latents, one for each task (appendix B.3)."""

    groups: tuple[str, ...] = ("state",)
    hidden: Sizes = (50, 100)  # Table 2

    def build(self, spec: EnvironmentSpec, latent_size: int, action_size: int) -> SACPolicy:
        """The policies, freshly initialised; ``latent_size`` is 0."""
        return IndependentSACPolicies(self.groups, self.hidden, spec, action_size)


SACPolicyConfig = TwoTowersConfig | IndependentSACPoliciesConfig
