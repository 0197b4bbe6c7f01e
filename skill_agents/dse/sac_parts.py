"""Networks of DSE-SAC: a policy of two towers, and a critic for each task, all tasks at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from skill_train.skill_agents.agent import ContinuousAction, EnvironmentSpec
from skill_train.skill_agents.dse.policies import per_task
from skill_train.skill_agents.nets.squashed_gaussian import SquashedGaussian
from skill_train.skill_agents.nets.stacked_mlp import StackedMLP
from skill_train.skill_agents.nets.view import View


class SACPolicy(nn.Module):
    """Actions of tasks ``[N]``."""

    def forward(
        self, observation: Mapping[str, Tensor], task: Tensor, latent: Tensor
    ) -> SquashedGaussian:
        """Groups ``[..., N, B, *]`` and latents ``[..., N, B, D]`` to a distribution."""
        raise NotImplementedError


class TwoTowers(SACPolicy):
    """pi(a | s, z, g): state and latents each through a layer of their own, then one together."""

    def __init__(self, config: TwoTowersConfig, spec: EnvironmentSpec, latent_size: int) -> None:
        super().__init__()
        self.view = View(config.groups, spec.observation)
        self.state = nn.Linear(self.view.size, config.tower)
        self.latent = nn.Linear(latent_size, config.tower)
        self.both = nn.Linear(2 * config.tower, config.hidden)
        self.head = nn.Linear(config.hidden, 2 * action_size(spec))

    def forward(
        self, observation: Mapping[str, Tensor], task: Tensor, latent: Tensor
    ) -> SquashedGaussian:
        """``task`` is not looked at."""
        towers = torch.cat([self.state(self.view(observation)), self.latent(latent)], -1).relu()
        return SquashedGaussian.of(self.head(self.both(towers).relu()))


class IndependentSACPolicies(SACPolicy):
    """A network for each task of the family, for learners that share nothing."""

    def __init__(self, config: IndependentSACPoliciesConfig, spec: EnvironmentSpec) -> None:
        super().__init__()
        self.view = View(config.groups, spec.observation)
        self.nets = StackedMLP(
            spec.num_tasks, self.view.size, config.hidden, 2 * action_size(spec), nn.ReLU
        )

    def forward(
        self, observation: Mapping[str, Tensor], task: Tensor, latent: Tensor
    ) -> SquashedGaussian:
        """``latent`` has size 0."""
        return SquashedGaussian.of(per_task(self.nets, self.view(observation), task))


class Critics(nn.Module):
    """``copies`` networks for each task, all in one batched computation."""

    def __init__(
        self, spec: EnvironmentSpec, copies: int, input_size: int, sizes: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.copies, self.num_tasks = copies, spec.num_tasks
        self.nets = StackedMLP(copies * spec.num_tasks, input_size, sizes, 1, nn.ReLU)

    def forward(self, inputs: Tensor, task: Tensor) -> Tensor:
        """Rows ``[N, B, F]`` of tasks ``[N]``, in their order, to values ``[copies, N, B]``."""
        which = None  # all of them, as they stand: nothing to pick out
        if len(task) < self.num_tasks:
            first = self.num_tasks * torch.arange(self.copies, device=task.device)
            which = (first.unsqueeze(-1) + task).flatten()
        values: Tensor = self.nets(inputs.repeat(self.copies, 1, 1), which)
        return values.reshape(self.copies, *inputs.shape[:-1])


def action_size(spec: EnvironmentSpec) -> int:
    """Components of an action; raises ValueError unless actions lie in [-1, 1]."""
    action = spec.action
    if (
        not isinstance(action, ContinuousAction)
        or {*action.low} != {-1.0}
        or {*action.high} != {1.0}
    ):
        raise ValueError(f"DSE-SAC needs continuous actions in [-1, 1], not {action}")
    return action.size


@dataclass(frozen=True)
class TwoTowersConfig:
    """Table 2, "50 x 2 - 100"."""

    groups: tuple[str, ...] = ("state",)
    tower: int = 50  # Table 2
    hidden: int = 100  # Table 2

    def build(self, spec: EnvironmentSpec, latent_size: int) -> SACPolicy:
        """The policy, freshly initialised."""
        return TwoTowers(self, spec, latent_size)


@dataclass(frozen=True)
class IndependentSACPoliciesConfig:
    """As the shared policy without its latents (appendix B.3)."""

    groups: tuple[str, ...] = ("state",)
    hidden: tuple[int, ...] = (50, 100)  # Table 2

    def build(self, spec: EnvironmentSpec, latent_size: int) -> SACPolicy:
        """The policies, freshly initialised; ``latent_size`` is 0."""
        return IndependentSACPolicies(self, spec)


SACPolicyConfig = TwoTowersConfig | IndependentSACPoliciesConfig
