"""DISTRAL baselines whose policy and default policy share parameters (appendix F.2).

Both are flat. With two columns the policy is built on the default policy; with a shared prior the
default policy is built on the policy. In either case the shared network has one owner, the loss
it is trained by, and is a constant to the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn
from typing_extensions import override

from skill_train.skill_agents.agent import EnvironmentSpec
from skill_train.skill_agents.hierarchical_kl.defaults import DefaultConfig, LowLevelKL, TotalKL
from skill_train.skill_agents.hierarchical_kl.policies import (
    FlatPolicyConfig,
    LowLevel,
    NoLatent,
    Policy,
    PolicyConfig,
)
from skill_train.skill_agents.nets.categorical import Categorical, CategoricalHead
from skill_train.skill_agents.nets.gaussian import Gaussian, GaussianHead


class TwoColumns(nn.Module):
    """The policy whose raw outputs are h(x) + f(x): the default policy's and a column's own.

    h sees what the default policy may see, f everything. Where f is zero the policy is the
    default policy. h is trained by distillation alone.
    """

    def __init__(self, default: LowLevel, column: LowLevel) -> None:
        super().__init__()
        self.default = default
        self.column = column

    def forward(self, observation: Mapping[str, Tensor], latent: Tensor) -> Gaussian | Categorical:
        """Observation groups ``[..., *]`` and latents ``[..., 0]`` to a distribution."""
        h = self.default.raw(observation, latent).detach()
        return self.column.distribution(h + self.column.raw(observation, latent))


class Branch(nn.Module):
    """The default policy that is one more layer on the policy's own network.

    It sees what the policy sees: there is no asymmetry of information. The network below the
    branch is trained by the policy's loss alone.
    """

    def __init__(self, policy: LowLevel, head: GaussianHead | CategoricalHead) -> None:
        super().__init__()
        self.policy = policy
        self.head = head

    def forward(self, observation: Mapping[str, Tensor], latent: Tensor) -> Gaussian | Categorical:
        """Observation groups ``[..., *]`` and latents ``[..., 0]`` to a distribution."""
        out: Gaussian | Categorical
        out = self.head(self.policy.features(observation, latent).detach())
        return out


class BranchKL(LowLevelKL):
    """KL(pi || pi0) with pi0 a `Branch` of pi."""

    default: Branch

    def learned(self) -> list[nn.Parameter]:
        """The branch's parameters; the others are the policy's."""
        return list(self.default.head.parameters())


@dataclass(frozen=True)
class TwoColumnPolicyConfig(FlatPolicyConfig):
    """DISTRAL prior 2 cols: the policy, with columns of the flat baselines' sizes."""

    @override
    def build(self, spec: EnvironmentSpec) -> Policy:
        columns = TwoColumns(self.build_low(spec), self.level(spec, self.groups, self.sizes))
        return Policy(NoLatent(spec, self.groups), columns, latent_size=0)


@dataclass(frozen=True)
class ColumnDefault(DefaultConfig):
    """DISTRAL prior 2 cols: the default policy is the policy's first column."""

    def build(self, spec: EnvironmentSpec, config: PolicyConfig, policy: Policy) -> TotalKL:
        """KL of the actions; raises ValueError if the policy has no columns."""
        if not isinstance(policy.low, TwoColumns):
            raise ValueError("ColumnDefault needs the policy of a TwoColumnPolicyConfig")
        return TotalKL(low=LowLevelKL(policy.low.default))


@dataclass(frozen=True)
class BranchDefault(DefaultConfig):
    """DISTRAL shared prior: the default policy is a branch of the policy."""

    def build(self, spec: EnvironmentSpec, config: PolicyConfig, policy: Policy) -> TotalKL:
        """KL of the actions; raises ValueError if the policy is not a flat network."""
        if policy.latent_size or not isinstance(policy.low, LowLevel):
            raise ValueError("BranchDefault needs the policy of a FlatPolicyConfig")
        head = config.action_head.build(policy.low.torso.output_size, spec.action)
        return TotalKL(low=BranchKL(Branch(policy.low, head)))
