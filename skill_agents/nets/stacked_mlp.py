"""N networks of one shape as one batched computation, never a loop over them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class StackedLinear(nn.Module):
    """N linear layers, each initialised as `nn.Linear` is."""

    def __init__(self, count: int, input_size: int, output_size: int) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(input_size)
        self.weight = nn.Parameter(torch.empty(count, input_size, output_size))
        self.bias = nn.Parameter(torch.empty(count, 1, output_size))
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, inputs: Tensor, which: Tensor | None = None) -> Tensor:
        """``[N, M, input_size]`` to ``[N, M, output_size]``, row n by network n.

        With ``which [K]``, inputs ``[K, M, input_size]`` go to the networks of these indices.
        """
        if which is None:
            return torch.baddbmm(self.bias, inputs, self.weight)
        bias, weight = self.bias.index_select(0, which), self.weight.index_select(0, which)
        return torch.baddbmm(bias, inputs, weight)


class StackedMLP(nn.Module):
    """N perceptrons with ``activation`` between their layers; the output is linear."""

    def __init__(
        self, count: int, input_size: int, sizes: Sequence[int], output_size: int,
        activation: type[nn.Module] = nn.ReLU,
    ) -> None:  # fmt: skip
        super().__init__()
        self.count = count
        widths = [input_size, *sizes, output_size]
        self.layers = nn.ModuleList(StackedLinear(count, a, b) for a, b in pairwise(widths))
        self.activation = activation()

    def forward(self, inputs: Tensor, which: Tensor | None = None) -> Tensor:
        """``[N, M, input_size]`` to ``[N, M, output_size]``; ``which`` as in `StackedLinear`."""
        *hidden, last = self.layers
        for layer in hidden:
            inputs = self.activation(layer(inputs, which))
        out: Tensor = last(inputs, which)
        return out


def per_task(nets: StackedMLP, inputs: Tensor, task: Tensor) -> Tensor:
    """Rows ``[..., N, B, F]`` through the networks of tasks ``[N]``, ``[..., N, B, out]``.

    A stack of one network serves every task.
    """
    if nets.count == 1:  # one multiplication for all rows, without a copy of the weights for each
        out: Tensor = nets(inputs.reshape(1, -1, inputs.shape[-1]))
        return out.reshape(*inputs.shape[:-1], -1)
    by_task = inputs.movedim(-3, 0)
    out = nets(by_task.flatten(1, -2), task)
    return out.unflatten(1, by_task.shape[1:-1]).movedim(0, -3)


def one_row_each(observation: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Groups ``[B, *]`` of B acting environments as ``[B, 1, *]``: B tasks with one row each."""
    return {name: array.unsqueeze(1) for name, array in observation.items()}
