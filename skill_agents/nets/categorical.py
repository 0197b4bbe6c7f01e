"""A distribution over action indices."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Categorical(NamedTuple):
    """Normalised log probabilities ``[..., A]``."""

    log_probs: Tensor

    def log_prob(self, value: Tensor) -> Tensor:
        """Log probability of the indices ``value [...]``."""
        return self.log_probs.gather(-1, value.unsqueeze(-1)).squeeze(-1)

    def entropy(self) -> Tensor:
        """Entropy in nats, ``[...]``."""
        return -(self.log_probs.exp() * self.log_probs).sum(-1)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """One draw: indices ``[...]`` int64."""
        flat = self.log_probs.reshape(-1, self.log_probs.shape[-1]).exp()
        drawn = torch.multinomial(flat, 1, generator=generator)
        return drawn.reshape(self.log_probs.shape[:-1])

    def mode(self) -> Tensor:
        """The likeliest index ``[...]``."""
        return self.log_probs.argmax(-1)

    def detach(self) -> Categorical:
        """The same distribution without a gradient."""
        return Categorical(self.log_probs.detach())


class CategoricalHead(nn.Module):
    """Features to a `Categorical`."""

    def __init__(self, input_size: int, count: int) -> None:
        super().__init__()
        self.linear = nn.Linear(input_size, count)

    def forward(self, features: Tensor) -> Categorical:
        """``[..., input_size]`` to log probabilities ``[..., count]``."""
        return self.distribution(self.linear(features))

    def distribution(self, outputs: Tensor) -> Categorical:
        """Raw outputs of the linear layer ``[..., count]`` to log probabilities."""
        return Categorical(torch.log_softmax(outputs, dim=-1))
