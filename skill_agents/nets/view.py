"""The observation groups that a network sees: information asymmetry as configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import prod

import torch
from torch import Tensor, nn

from skill_train.replay.step import ArraySpec
from skill_train.skill_agents.nets.conv import ConvEncoder
from skill_train.skill_agents.nets.mlp import MLP

SEEN = re.compile(r"(\w+)((?:/[1-9]\d*)*)")
"""A group's name, then the layers of its encoder."""
EVERY = "*"


class View(nn.Module):
    """Groups of an observation side by side, ``[..., size]``.

    ``"proprioception"`` is a group as it is; ``"objects/50"`` the same group through an encoder of
    its own with a layer of 50, ``"objects/100/20"`` with two. Pixels have a `ConvEncoder`, and need
    the size of its embedding: ``"pixels/256"``. ``"*"`` is every group that is not pixels.

    Raises ValueError if there is no group, one that the task does not have, or pixels as they are.
    """

    def __init__(self, groups: Sequence[str], observation: Mapping[str, ArraySpec]) -> None:
        super().__init__()
        if not groups:
            raise ValueError(f"a network must see a group; the task has {_names(observation)}")
        self.groups = tuple(groups)
        parsed = [part for group in groups for part in _parse(group, observation)]
        self.names = tuple(name for name, _ in parsed)
        self.ranks = tuple(len(observation[name].shape) for name in self.names)
        self.encoders = nn.ModuleDict()
        self.size = 0
        for name, sizes in parsed:
            spec = observation[name]
            if not sizes:
                self.encoders[name] = nn.Identity()
            elif spec.dtype == "uint8":
                self.encoders[name] = ConvEncoder(spec.shape, sizes)
            else:
                self.encoders[name] = MLP(prod(spec.shape), sizes, layer_norm=False)
            self.size += sizes[-1] if sizes else prod(spec.shape)

    def forward(self, observation: Mapping[str, Tensor]) -> Tensor:
        """Groups ``[..., *shape]`` as one float tensor ``[..., size]``."""
        parts = []
        for name, rank in zip(self.names, self.ranks, strict=True):
            array = observation[name]
            if rank == 0:
                array = array.unsqueeze(-1)
            encoder = self.encoders[name]
            if rank > 1 and not isinstance(encoder, ConvEncoder):
                array = array.flatten(array.dim() - rank)
            parts.append(encoder(array))
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)


def groups_of(net: nn.Module) -> frozenset[str]:
    """The observation groups that any part of ``net`` sees."""
    views = [part for part in net.modules() if isinstance(part, View)]
    return frozenset(name for view in views for name in view.names)


def _parse(group: str, observation: Mapping[str, ArraySpec]) -> list[tuple[str, list[int]]]:
    """Name and encoder's layers of each group in ``group``; raises ValueError if there is none."""
    if group == EVERY:
        floats: list[tuple[str, list[int]]] = [
            (name, []) for name, array in sorted(observation.items()) if array.dtype != "uint8"
        ]
        if not floats:
            raise ValueError(
                f"the task shows pixels alone ({_names(observation)}), which {EVERY!r} leaves out; "
                f"name them with an encoder, such as {next(iter(observation))}/256"
            )
        return floats
    match = SEEN.fullmatch(group)
    name = match[1] if match else group
    if match is None or name not in observation:
        raise ValueError(
            f"observation group {group!r} does not exist; the task has {_names(observation)}"
        )
    sizes = [int(size) for size in match[2].split("/")[1:]]
    if observation[name].dtype == "uint8" and not sizes:
        raise ValueError(f"observation group {name!r} is pixels, which need an encoder: {name}/256")
    return [(name, sizes)]


def _names(observation: Mapping[str, ArraySpec]) -> str:
    return ", ".join(sorted(observation))
