"""A diagonal Gaussian squeezed into (-1, 1) by tanh, as soft actor-critic draws its actions."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from skill_train.skill_agents.nets.gaussian import LOG_2PI

LOG_STD_RANGE = (-20.0, 2.0)
"""Bounds of the log standard deviation, as in the authors' code of soft actor-critic."""


class SquashedGaussian(NamedTuple):
    """tanh of a Gaussian with this mean and log standard deviation, each ``[..., A]``."""

    mean: Tensor
    log_std: Tensor

    @staticmethod
    def of(features: Tensor) -> SquashedGaussian:
        """The distribution given by a network's output ``[..., 2A]``."""
        mean, log_std = features.chunk(2, dim=-1)
        return SquashedGaussian(mean, log_std.clamp(*LOG_STD_RANGE))

    def reparameterize(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Actions ``[..., A]`` from standard noise, and their log density ``[...]``.

        With u the Gaussian's value, log(1 - tanh(u)^2) = 2 (log 2 - u - softplus(-2 u)), which
        stays finite where tanh is 1.
        """
        u = self.mean + self.log_std.exp() * noise
        normal = -0.5 * (noise.square() + LOG_2PI) - self.log_std
        slope = 2.0 * (math.log(2.0) - u - F.softplus(-2.0 * u))
        return torch.tanh(u), (normal - slope).sum(-1)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """One action ``[..., A]``, without a gradient."""
        noise = torch.empty_like(self.mean).normal_(generator=generator)
        return torch.tanh(self.mean + self.log_std.exp() * noise).detach()

    def mode(self) -> Tensor:
        """tanh of the Gaussian's mean."""
        return torch.tanh(self.mean)
