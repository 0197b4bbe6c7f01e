"""The three high-level default policies pi0_H(z_t | z_{t-1}) of section 3.1."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from typing_extensions import override

from skill_train.skill_agents.nets.gaussian import Gaussian, GaussianHead
from skill_train.skill_agents.nets.mlp import MLP
from skill_train.skill_agents.ranges import Share, Sizes


class Prior(nn.Module):
    """A distribution over the next latent given the last one."""

    def next(self, last: Tensor) -> Gaussian:
        """pi0_H(. | last) for latents ``[..., D]``, in the middle of an episode."""
        raise NotImplementedError

    def forward(self, last: Tensor, is_first: Tensor) -> Gaussian:
        """pi0_H(. | last), and N(0, I) on first rows, where there is no last latent.

        last ``[..., D]``, is_first ``[...]`` bool.
        """
        mean, std = self.next(last)
        first = is_first.unsqueeze(-1)
        return Gaussian(mean.masked_fill(first, 0.0), std.masked_fill(first, 1.0))


class Isotropic(Prior):
    """N(0, I), whatever the last latent."""

    @override
    def next(self, last: Tensor) -> Gaussian:
        return Gaussian(torch.zeros_like(last), torch.ones_like(last))


class AR1(Prior):
    """N(a z_{t-1}, (1 - a^2) I): correlated in time, with marginal N(0, I)."""

    def __init__(self, correlation: float) -> None:
        super().__init__()
        if not 0.0 <= correlation < 1.0:
            raise ValueError(f"an AR(1) correlation lies in [0, 1), not {correlation}")
        self.correlation = correlation
        self.std = math.sqrt(1.0 - correlation**2)

    @override
    def next(self, last: Tensor) -> Gaussian:
        return Gaussian(self.correlation * last, torch.full_like(last, self.std))


class LearnedAR(Prior):
    """N(mu(z_{t-1}), sigma(z_{t-1})^2) with learned mu and sigma."""

    def __init__(self, latent_size: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.torso = MLP(latent_size, sizes, layer_norm=False)
        self.head = GaussianHead(
            self.torso.output_size, latent_size, initial_std=1.0, minimum_std=0.1, tanh_mean=False
        )

    @override
    def next(self, last: Tensor) -> Gaussian:
        out: Gaussian = self.head(self.torso(last))
        return out


@dataclass(frozen=True)
class IsotropicConfig:
    """pi0_H = N(0, I), which ignores the last latent."""

    def build(self, latent_size: int) -> Prior:
        """The prior of latents of ``latent_size``."""
        return Isotropic()


@dataclass(frozen=True)
class AR1Config:
    """pi0_H = AR(1) with a given correlation."""

    correlation: Share = 0.95  # Appendix G.2, go to 1 of 3 targets; 0.9 for moving boxes

    def build(self, latent_size: int) -> Prior:
        """The prior of latents of ``latent_size``."""
        return AR1(self.correlation)


@dataclass(frozen=True)
class LearnedARConfig:
    """pi0_H = learned autoregression; the paper does not give its size."""

    sizes: Sizes = (100,)

    def build(self, latent_size: int) -> Prior:
        """The prior of latents of ``latent_size``."""
        return LearnedAR(latent_size, self.sizes)


PriorConfig = IsotropicConfig | AR1Config | LearnedARConfig
