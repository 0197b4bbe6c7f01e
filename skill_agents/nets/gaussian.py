"""A diagonal Gaussian with mean and standard deviation from a network."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LOG_2PI = math.log(2.0 * math.pi)


class Gaussian(NamedTuple):
    """Mean and standard deviation, each ``[..., D]``; the components are independent."""

    mean: Tensor
    std: Tensor

    def reparameterize(self, noise: Tensor) -> Tensor:
        """``mean + std * noise``, differentiable in mean and std."""
        return self.mean + self.std * noise

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """One draw ``[..., D]``, without a gradient."""
        noise = torch.empty_like(self.mean).normal_(generator=generator)
        return (self.mean + self.std * noise).detach()

    def mode(self) -> Tensor:
        """The mean, ``[..., D]``."""
        return self.mean

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density of ``value [..., D]``, summed over D."""
        scaled = (value - self.mean) / self.std
        nats = torch.addcmul(self.std.log(), scaled, scaled, value=0.5).sum(-1)
        return -0.5 * LOG_2PI * value.shape[-1] - nats

    def entropy(self) -> Tensor:
        """Differential entropy in nats, summed over D."""
        return (self.std.log() + 0.5 * (1.0 + LOG_2PI)).sum(-1)

    def detach(self) -> Gaussian:
        """The same distribution without a gradient."""
        return Gaussian(self.mean.detach(), self.std.detach())


class GaussianHead(nn.Module):
    """Features to a `Gaussian`: softplus standard deviation with a floor, tanh mean if bounded.

    Where the mean absolute value of tanh's input is above ``mean_limit``, the input is divided down
    to that (output normalization, Wang et al. 2020): tanh then always has a slope.
    """

    def __init__(
        self,
        input_size: int,
        size: int,
        initial_std: float,
        minimum_std: float,
        tanh_mean: bool,
        mean_limit: float = math.inf,
    ) -> None:
        super().__init__()
        if initial_std <= minimum_std:
            raise ValueError(
                f"initial_std {initial_std} must be above minimum_std {minimum_std}, "
                "which softplus only approaches"
            )
        self.linear = nn.Linear(input_size, 2 * size)
        self.minimum_std = minimum_std
        self.tanh_mean = tanh_mean
        self.mean_limit = mean_limit
        # softplus(offset) = initial - minimum, so that zero output gives initial_std
        self.offset = math.log(math.expm1(initial_std - minimum_std))

    def forward(self, features: Tensor) -> Gaussian:
        """``[..., input_size]`` to mean and std ``[..., size]``."""
        return self.distribution(self.linear(features))

    def distribution(self, outputs: Tensor) -> Gaussian:
        """Raw outputs of the linear layer ``[..., 2 * size]`` to mean and std ``[..., size]``."""
        mean, raw = outputs.chunk(2, dim=-1)
        std = F.softplus(raw + self.offset) + self.minimum_std
        if not self.tanh_mean:
            return Gaussian(mean, std)
        if self.mean_limit < math.inf:
            size = mean.abs().mean(-1, keepdim=True)
            mean = mean * (self.mean_limit / size.clamp(min=self.mean_limit))
        return Gaussian(torch.tanh(mean), std)
