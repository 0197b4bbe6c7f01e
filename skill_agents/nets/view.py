"""Which observation groups a network sees: information asymmetry as configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import torch
from torch import Tensor, nn

from replay.step import ArraySpec


class View(nn.Module):
    """Picks named groups of an observation and lays them side by side, ``[..., size]``.

    Raises ValueError if there is no group, one that the task does not have, or one of pixels.
    """

    def __init__(self, groups: Sequence[str], observation: Mapping[str, ArraySpec]) -> None:
        super().__init__()
        if not groups:
            raise ValueError(f"a network must see a group; the task has {_names(observation)}")
        for group in groups:
            if group not in observation:
                raise ValueError(
                    f"observation group {group!r} does not exist; the task has "
                    f"{_names(observation)}"
                )
            if observation[group].dtype == "uint8":
                raise ValueError(f"observation group {group!r} is pixels, which need an encoder")
        self.groups = tuple(groups)
        self.ranks = tuple(len(observation[group].shape) for group in groups)
        self.size = sum(prod(observation[group].shape) for group in groups)

    def forward(self, observation: Mapping[str, Tensor]) -> Tensor:
        """Groups ``[..., *shape]`` as one float tensor ``[..., size]``."""
        parts = []
        for group, rank in zip(self.groups, self.ranks, strict=True):
            array = observation[group]
            if rank == 0:
                array = array.unsqueeze(-1)
            parts.append(array if rank <= 1 else array.flatten(array.dim() - rank))
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)


def _names(observation: Mapping[str, ArraySpec]) -> str:
    return ", ".join(sorted(observation))
