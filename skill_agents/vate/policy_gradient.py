"""A2C and PPO: how a batch of trials is cut into updates, and what each update minimises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from skill_train.skill_agents.ops.clipped_surrogate import clipped_surrogate
from skill_train.skill_agents.ranges import Count, Positive


class PolicyGradient(ABC):
    """Losses per row, ``[T, B]``; advantages and targets carry no gradient."""

    epochs: int
    minibatches: int

    def parts(self, trials: int, device: torch.device) -> Iterator[Tensor]:
        """Indices of the trials of each update: every epoch cuts them anew."""
        for _ in range(self.epochs):
            yield from torch.randperm(trials, device=device).chunk(self.minibatches)

    @property
    def updates(self) -> int:
        """How many parts there are."""
        return self.epochs * self.minibatches

    @abstractmethod
    def policy_loss(self, log_prob: Tensor, acted_log_prob: Tensor, advantage: Tensor) -> Tensor:
        """What the policy minimises."""

    def value_loss(self, value: Tensor, target: Tensor) -> Tensor:
        """Half the squared error."""
        return 0.5 * (value - target).square()


@dataclass(frozen=True)
class A2C(PolicyGradient):
    """-log pi(a) A (Mnih et al. 2016), each batch once."""

    epochs: Count = 1
    minibatches: Count = 1

    def policy_loss(self, log_prob: Tensor, acted_log_prob: Tensor, advantage: Tensor) -> Tensor:
        """Of the policy as it is now, on actions that it has just drawn."""
        return -log_prob * advantage


@dataclass(frozen=True)
class PPO(PolicyGradient):
    """-min(rho A, clip(rho, 1 - eps, 1 + eps) A), rho = pi(a) / pi_acted(a) (Schulman 2017)."""

    epochs: Count = 2  # public implementation
    minibatches: Count = 4  # public implementation
    clip: Positive = 0.2  # public implementation: 0.05, with batches a tenth as large

    def policy_loss(self, log_prob: Tensor, acted_log_prob: Tensor, advantage: Tensor) -> Tensor:
        """Minus the clipped surrogate."""
        return -clipped_surrogate(log_prob, acted_log_prob, advantage, self.clip)
