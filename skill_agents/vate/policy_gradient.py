"""A2C and PPO: the updates that a batch of trials is cut into, and their losses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override

from skill_train.skill_agents.ops.clipped_surrogate import clipped_surrogate
from skill_train.skill_agents.ranges import Count, Positive


class PolicyGradient(ABC):
    """Losses per row, ``[T, B]``; advantages and targets carry no gradient."""

    epochs: int
    minibatches: int

    def parts(self, trials: int, device: torch.device) -> Iterator[Tensor]:
        """Indices of the trials of each update; every epoch draws them anew."""
        for _ in range(self.epochs):
            yield from torch.randperm(trials, device=device).chunk(self.minibatches)

    @property
    def updates(self) -> int:
        """The number of updates for each batch."""
        return self.epochs * self.minibatches

    @abstractmethod
    def policy_loss(self, log_prob: Tensor, acted_log_prob: Tensor, advantage: Tensor) -> Tensor:
        """The policy's loss."""

    def value_loss(self, value: Tensor, target: Tensor) -> Tensor:
        """The value's loss: half the squared error."""
        return 0.5 * (value - target).square()


@dataclass(frozen=True)
class A2C(PolicyGradient):
    """-log pi(a) A (Mnih et al. 2016), each batch once."""

    epochs: Count = 1
    minibatches: Count = 1

    @override
    def policy_loss(self, log_prob: Tensor, acted_log_prob: Tensor, advantage: Tensor) -> Tensor:
        return -log_prob * advantage


@dataclass(frozen=True)
class PPO(PolicyGradient):
    """-min(rho A, clip(rho, 1 - eps, 1 + eps) A), rho = pi(a) / pi_acted(a) (Schulman 2017)."""

    epochs: Count = 2  # public implementation
    minibatches: Count = 4  # public implementation
    clip: Positive = 0.2  # public implementation: 0.05, with batches a tenth as large

    @override
    def policy_loss(self, log_prob: Tensor, acted_log_prob: Tensor, advantage: Tensor) -> Tensor:
        return -clipped_surrogate(log_prob, acted_log_prob, advantage, self.clip)
