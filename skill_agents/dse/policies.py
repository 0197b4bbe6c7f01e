"""Policies pi(a | s, z, g) of one tanh layer: one that all tasks share, or one for each task.

Their input is rows ``[..., N, B, *]`` of N tasks; B acting environments are B tasks of one row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from skill_train.skill_agents.agent import ContinuousAction, EnvironmentSpec
from skill_train.skill_agents.nets.categorical import Categorical, CategoricalHead
from skill_train.skill_agents.nets.gaussian import Gaussian, GaussianHead
from skill_train.skill_agents.nets.stacked_mlp import StackedMLP, per_task
from skill_train.skill_agents.nets.view import View
from skill_train.skill_agents.ranges import Count


class Policy(nn.Module):
    """A policy for tasks ``[N]``."""

    stacked: ClassVar[bool] = False
    """Whether the first axis of every parameter counts networks, one for each task."""

    def forward(
        self, observation: Mapping[str, Tensor], task: Tensor, latent: Tensor
    ) -> Gaussian | Categorical:
        """Groups ``[..., N, B, *]`` and latents ``[..., N, B, D]`` to a distribution."""
        raise NotImplementedError


class SharedPolicy(Policy):
    """One network for all tasks, whose only input on the task is the latents.

    Its input is the state, the latents, and the products of each state with each latent
    (appendix B.3), through which a latent can change the gains of a nearly linear controller.
    """

    def __init__(self, config: SharedPolicyConfig, spec: EnvironmentSpec, latent: int) -> None:
        super().__init__()
        self.view = View(config.groups, spec.observation)
        state = self.view.size
        self.hidden = nn.Linear(state + latent + state * latent, config.hidden)
        self.head: nn.Module
        if isinstance(spec.action, ContinuousAction):
            self.head = GaussianHead(config.hidden, spec.action.size, 0.7, 0.1, tanh_mean=True)
        else:
            self.head = CategoricalHead(config.hidden, spec.action.count)

    def forward(
        self, observation: Mapping[str, Tensor], task: Tensor, latent: Tensor
    ) -> Gaussian | Categorical:
        """Groups and latents to a distribution; ``task`` is ignored."""
        state = self.view(observation)
        products = (state.unsqueeze(-1) * latent.unsqueeze(-2)).flatten(-2)
        out: Gaussian | Categorical = self.head(
            torch.tanh(self.hidden(torch.cat([state, latent, products], -1)))
        )
        return out


class IndependentPolicies(Policy):
    """A network for each task of the family, for learners that share nothing."""

    stacked = True

    def __init__(self, config: IndependentPoliciesConfig, spec: EnvironmentSpec) -> None:
        super().__init__()
        if isinstance(spec.action, ContinuousAction):
            raise ValueError("independent REINFORCE policies are made for discrete actions")
        self.view = View(config.groups, spec.observation)
        self.nets = StackedMLP(
            spec.num_tasks, self.view.size, (config.hidden,), spec.action.count, nn.Tanh
        )

    def forward(
        self, observation: Mapping[str, Tensor], task: Tensor, latent: Tensor
    ) -> Categorical:
        """Groups to a distribution for each task; ``latent`` has size 0."""
        return Categorical(per_task(self.nets, self.view(observation), task).log_softmax(-1))


@dataclass(frozen=True)
class SharedPolicyConfig:
    """The shared policy of appendix B.3."""

    groups: tuple[str, ...] = ("state",)
    hidden: Count = 2  # Table 1, "H"

    def build(self, spec: EnvironmentSpec, latent_size: int) -> Policy:
        """The policy, freshly initialised."""
        return SharedPolicy(self, spec, latent_size)


@dataclass(frozen=True)
class IndependentPoliciesConfig:
    """Policies of the shared one's size, one for each task (appendix B.3)."""

    groups: tuple[str, ...] = ("state",)
    hidden: Count = 2  # Table 1, "H"

    def build(self, spec: EnvironmentSpec, latent_size: int) -> Policy:
        """The policies, freshly initialised; ``latent_size`` is 0."""
        return IndependentPolicies(self, spec)


PolicyConfig = SharedPolicyConfig | IndependentPoliciesConfig
