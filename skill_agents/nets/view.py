"""Which observation groups a network sees: information asymmetry as configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import torch
from torch import Tensor, nn

from replay.step import ArraySpec


class View(nn.Module):
    """Picks named groups of an observation and lays them side by side, ``[..., size]``."""

    def __init__(self, groups: Sequence[str], observation: Mapping[str, ArraySpec]) -> None:
        super().__init__()
        missing = [group for group in groups if group not in observation]
        if missing:
            raise ValueError(
                f"observation group {missing[0]!r} does not exist; "
                f"the task has {', '.join(sorted(observation))}"
            )
        self.groups = tuple(groups)
        self.ranks = tuple(len(observation[group].shape) for group in groups)
        self.size = sum(prod(observation[group].shape) for group in groups)

    def forward(self, observation: Mapping[str, Tensor]) -> Tensor:
        """Groups ``[..., *shape]`` as one float tensor ``[..., size]``."""
        parts = []
        for group, rank in zip(self.groups, self.ranks, strict=True):
            array = observation[group]
            parts.append(array if rank == 1 else array.flatten(array.dim() - rank))
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
