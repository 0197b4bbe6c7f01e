"""The agent policy pi(a, z | x) = pi_H(z | x) pi_L(a | z, x), and the flat one without z."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from typing_extensions import override

from skill_train.skill_agents.agent import EnvironmentSpec
from skill_train.skill_agents.hierarchical_kl.action_head import ActionHead
from skill_train.skill_agents.hierarchical_kl.latents import hold
from skill_train.skill_agents.nets.categorical import Categorical
from skill_train.skill_agents.nets.gaussian import Gaussian, GaussianHead
from skill_train.skill_agents.nets.mlp import MLP
from skill_train.skill_agents.nets.view import View
from skill_train.skill_agents.ranges import Count, NonNegative, Sizes

TINY_LATENT = 2
"""Size of latents in the tiny form of every agent, so that one can take over another's."""


class Decision(NamedTuple):
    """A policy's latents and distributions at every row; a flat policy's latents have size 0."""

    latent: Tensor
    """z_t in force, ``[..., D]``."""
    high: Gaussian
    """pi_H(. | x_t), ``[..., D]``, at every row, also where z is held."""
    low: Gaussian | Categorical
    """pi_L(. | z_t, x_t)."""

    def detach(self) -> Decision:
        """The same decision without a gradient."""
        return Decision(self.latent.detach(), self.high.detach(), self.low.detach())


class LowLevel(nn.Module):
    """pi_L(a | z, x); also pi0_L, and flat policies."""

    def __init__(
        self,
        spec: EnvironmentSpec,
        groups: tuple[str, ...],
        latent_size: int,
        sizes: tuple[int, ...],
        action_head: ActionHead,
    ) -> None:
        super().__init__()
        self.view = View(groups, spec.observation)
        self.torso = MLP(self.view.size + latent_size, sizes)
        self.head = action_head.build(self.torso.output_size, spec.action)

    def forward(self, observation: Mapping[str, Tensor], latent: Tensor) -> Gaussian | Categorical:
        """Observation groups ``[..., *]`` and latents ``[..., D]`` to a distribution."""
        return self.distribution(self.raw(observation, latent))

    def features(self, observation: Mapping[str, Tensor], latent: Tensor) -> Tensor:
        """Outputs of the last hidden layer, ``[..., sizes[-1]]``."""
        out: Tensor = self.torso(torch.cat([self.view(observation), latent], dim=-1))
        return out

    def raw(self, observation: Mapping[str, Tensor], latent: Tensor) -> Tensor:
        """The last layer's outputs, which `distribution` squashes."""
        out: Tensor = self.head.linear(self.features(observation, latent))
        return out

    def distribution(self, outputs: Tensor) -> Gaussian | Categorical:
        """The distribution given by the last layer's outputs."""
        return self.head.distribution(outputs)


class HighLevel(nn.Module):
    """pi_H(z | x), a Gaussian."""

    def __init__(
        self,
        spec: EnvironmentSpec,
        groups: tuple[str, ...],
        latent_size: int,
        sizes: tuple[int, ...],
        minimum_std: float,
    ) -> None:
        super().__init__()
        self.view = View(groups, spec.observation)
        self.torso = MLP(self.view.size, sizes)
        self.head = GaussianHead(
            self.torso.output_size, latent_size, 1.0, minimum_std, tanh_mean=False
        )

    def forward(self, observation: Mapping[str, Tensor]) -> Gaussian:
        """Observation groups ``[..., *]`` to pi_H ``[..., D]``."""
        out: Gaussian = self.head(self.torso(self.view(observation)))
        return out


class NoLatent(nn.Module):
    """The high level of a flat policy: a Gaussian of size 0."""

    def __init__(self, spec: EnvironmentSpec, groups: tuple[str, ...]) -> None:
        super().__init__()
        self.view = View(groups, spec.observation)

    def forward(self, observation: Mapping[str, Tensor]) -> Gaussian:
        """Mean and std ``[..., 0]``."""
        empty = self.view(observation)[..., :0]
        return Gaussian(empty, empty)


class Policy(nn.Module):
    """A high level that draws latents and a low level that follows them."""

    def __init__(self, high: nn.Module, low: nn.Module, latent_size: int) -> None:
        super().__init__()
        self.high = high
        self.low = low
        self.latent_size = latent_size

    def forward(
        self, observation: Mapping[str, Tensor], noise: Tensor, age: Tensor | None
    ) -> Decision:
        """Decide along windows: the flat policy pi(a | eps, x) of appendix B.1.

        observation: groups ``[T, B, *]``; noise: eps ``[T, B, D]``; age: ``[T, B]`` steps since
        the latent was drawn, or None where each step draws.
        """
        high: Gaussian = self.high(observation)
        latent = hold(high.reparameterize(noise), age)
        return Decision(latent, high, self.low(observation, latent))


@dataclass(frozen=True)
class PolicyConfig(ABC):
    """The choice of a policy."""

    action_head: ActionHead = field(default_factory=ActionHead)
    """Action head of the policy and of its default policy."""

    @abstractmethod
    def build(self, spec: EnvironmentSpec) -> Policy:
        """The policy, freshly initialised."""

    @abstractmethod
    def build_low(self, spec: EnvironmentSpec) -> LowLevel:
        """A default policy over actions: pi0_L, or that of a flat policy."""

    @abstractmethod
    def tiny(self) -> Self:
        """The same policy with small networks."""


@dataclass(frozen=True)
class HierarchicalPolicyConfig(PolicyConfig):
    """Two levels; the paper gives the sizes of both in appendix G.1."""

    high_groups: tuple[str, ...] = ("proprioception", "task")
    low_groups: tuple[str, ...] = ("proprioception",)
    high_sizes: Sizes = (200,)  # Appendix G.1, "(200, 10)" without the latent
    latent_size: Count = 10  # Appendix G.1, the last number of "(200, 10)"
    low_sizes: Sizes = (200, 100)  # Appendix G.1
    minimum_latent_std: NonNegative = 0.1  # ours: the floor of actions

    @override
    def build(self, spec: EnvironmentSpec) -> Policy:
        high = HighLevel(
            spec, self.high_groups, self.latent_size, self.high_sizes, self.minimum_latent_std
        )
        return Policy(high, self.build_low(spec), self.latent_size)

    def build_low(self, spec: EnvironmentSpec) -> LowLevel:
        """A low level of this shape: pi_L, or a separate pi0_L."""
        return LowLevel(spec, self.low_groups, self.latent_size, self.low_sizes, self.action_head)

    @override
    def tiny(self) -> Self:
        return replace(self, high_sizes=(16,), latent_size=TINY_LATENT, low_sizes=(16, 16))


@dataclass(frozen=True)
class FlatPolicyConfig(PolicyConfig):
    """One level, for the SVG(0) and DISTRAL baselines."""

    groups: tuple[str, ...] = ("proprioception", "task")
    sizes: Sizes = (200, 100)  # Appendix G.1, baseline actor
    default_groups: tuple[str, ...] = ("proprioception",)
    default_sizes: Sizes = (200, 100)  # Appendix G.1, DISTRAL default policy

    @override
    def build(self, spec: EnvironmentSpec) -> Policy:
        low = self.level(spec, self.groups, self.sizes)
        return Policy(NoLatent(spec, self.groups), low, latent_size=0)

    def build_low(self, spec: EnvironmentSpec) -> LowLevel:
        """The flat default policy, which sees ``default_groups`` only."""
        return self.level(spec, self.default_groups, self.default_sizes)

    @override
    def tiny(self) -> Self:
        return replace(self, sizes=(16, 16), default_sizes=(16, 16))

    def level(
        self,
        spec: EnvironmentSpec,
        groups: tuple[str, ...],
        sizes: tuple[int, ...],
        latent_size: int = 0,
    ) -> LowLevel:
        """A network from ``groups``, and from latents if any, to actions."""
        return LowLevel(spec, groups, latent_size, sizes, self.action_head)
