"""Target networks: copies that follow the network they are targets of, at once or slowly."""

from __future__ import annotations

import torch
from torch import nn


def copy_parameters(source: nn.Module, target: nn.Module) -> None:
    """Hard update: target <- source."""
    with torch.no_grad():
        for ours, theirs in zip(target.parameters(), source.parameters(), strict=True):
            ours.copy_(theirs)


def average_parameters(source: nn.Module, target: nn.Module, rate: float) -> None:
    """Soft update: target <- rate * source + (1 - rate) * target."""
    with torch.no_grad():
        for ours, theirs in zip(target.parameters(), source.parameters(), strict=True):
            ours.lerp_(theirs, rate)
