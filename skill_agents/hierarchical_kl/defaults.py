"""Default policies pi0 that an agent's policy is kept close to, and the KL to them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from typing_extensions import override

from skill_train.replay.step import Step
from skill_train.skill_agents.agent import EnvironmentSpec
from skill_train.skill_agents.hierarchical_kl.latents import previous
from skill_train.skill_agents.hierarchical_kl.policies import Decision, Policy, PolicyConfig
from skill_train.skill_agents.hierarchical_kl.priors import AR1Config, Prior, PriorConfig
from skill_train.skill_agents.nets.categorical import Categorical
from skill_train.skill_agents.nets.gaussian import Gaussian
from skill_train.skill_agents.ops.divergence import categorical_kl, gaussian_kl


class DefaultPolicy(nn.Module):
    """One level of the default policy, or both."""

    def kl(self, decision: Decision, rows: Step, age: Tensor | None) -> Tensor:
        """KL_t of a policy's decisions from this default policy in nats, ``[T, B]``.

        Row 0 has no predecessor: only its latent counts, its KL must not be used.
        """
        raise NotImplementedError

    def learned(self) -> list[nn.Parameter]:
        """Parameters that distillation trains: all, unless some are the policy's own."""
        return list(self.parameters())


class HighLevelKL(DefaultPolicy):
    """KL(pi_H || pi0_H), eq. 7, at the steps that draw a latent."""

    def __init__(self, prior: Prior) -> None:
        super().__init__()
        self.prior = prior

    def kl(self, decision: Decision, rows: Step, age: Tensor | None) -> Tensor:
        """KL_t of the latents, ``[T, B]``; zero where a latent is held (eq. 20)."""
        prior = self.prior(previous(decision.latent), rows.is_first)
        kl = gaussian_kl(*decision.high, *prior)
        return kl if age is None else kl * (age == 0)


class LowLevelKL(DefaultPolicy):
    """KL(pi_L || pi0_L), eq. 8; for flat policies, which have no latent, KL(pi || pi0)."""

    def __init__(self, default: nn.Module) -> None:
        super().__init__()
        self.default = default

    @override
    def kl(self, decision: Decision, rows: Step, age: Tensor | None) -> Tensor:
        return action_kl(decision.low, self.default(rows.observation, decision.latent))


class TotalKL(DefaultPolicy):
    """The sum of both levels' terms, eq. 9; a level that is left out adds nothing.

    The levels' names are those that a transfer copies and freezes: ``default_policy.high`` is
    pi0_H, ``default_policy.low`` is pi0_L.
    """

    def __init__(self, high: DefaultPolicy | None = None, low: DefaultPolicy | None = None) -> None:
        super().__init__()
        self.high = high
        self.low = low

    @override
    def kl(self, decision: Decision, rows: Step, age: Tensor | None) -> Tensor:
        total = torch.zeros(rows.is_first.shape, device=rows.is_first.device)
        for level in self._levels():
            total = total + level.kl(decision, rows, age)
        return total

    @override
    def learned(self) -> list[nn.Parameter]:
        return [parameter for level in self._levels() for parameter in level.learned()]

    def _levels(self) -> list[DefaultPolicy]:
        return [level for level in (self.high, self.low) if level is not None]


def group_parameters(
    policy: Policy, default_policy: DefaultPolicy
) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Parameters of the policy and of the default policy; shared ones are in one list only."""
    default = default_policy.learned()
    distilled = set(map(id, default))
    return [p for p in policy.parameters() if id(p) not in distilled], default


def action_kl(policy: Gaussian | Categorical, default: Gaussian | Categorical) -> Tensor:
    """KL between two action distributions of one kind, ``[...]``."""
    if isinstance(policy, Gaussian):
        return gaussian_kl(*policy, *default)
    return categorical_kl(*policy, *default)


@dataclass(frozen=True)
class DefaultConfig(ABC):
    """The choice of a default policy."""

    @abstractmethod
    def build(self, spec: EnvironmentSpec, config: PolicyConfig, policy: Policy) -> TotalKL:
        """The default policy of ``policy``, which ``config`` built."""

    def tiny(self) -> Self:
        """The same default policy, with small networks if their sizes are its own."""
        return self


@dataclass(frozen=True)
class SharedLowLevel(DefaultConfig):
    """A shared pi_L = pi0_L, without the low level's term (eq. 10)."""

    prior: PriorConfig = AR1Config()

    @override
    def build(self, spec: EnvironmentSpec, config: PolicyConfig, policy: Policy) -> TotalKL:
        return TotalKL(high=HighLevelKL(self.prior.build(policy.latent_size)))


@dataclass(frozen=True)
class SeparateLowLevel(DefaultConfig):
    """A separate network pi0_L, distilled from pi_L (eq. 9)."""

    prior: PriorConfig = AR1Config()

    @override
    def build(self, spec: EnvironmentSpec, config: PolicyConfig, policy: Policy) -> TotalKL:
        high = HighLevelKL(self.prior.build(policy.latent_size))
        return TotalKL(high, LowLevelKL(config.build_low(spec)))


@dataclass(frozen=True)
class FlatDefault(DefaultConfig):
    """DISTRAL prior: one flat default policy that sees less than the agent."""

    @override
    def build(self, spec: EnvironmentSpec, config: PolicyConfig, policy: Policy) -> TotalKL:
        return TotalKL(low=LowLevelKL(config.build_low(spec)))


@dataclass(frozen=True)
class NoDefault(DefaultConfig):
    """No default policy: SVG(0) with its entropy bonus alone."""

    @override
    def build(self, spec: EnvironmentSpec, config: PolicyConfig, policy: Policy) -> TotalKL:
        return TotalKL()
