"""Multi-layer perceptrons as usual in continuous control."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class MLP(nn.Sequential):
    """Linear layers with ELU; the output is activated too.

    With ``layer_norm`` the first layer is followed by LayerNorm and tanh instead, which bounds
    the input of the other layers whatever the scale of the first one's.
    """

    def __init__(self, input_size: int, sizes: Sequence[int], layer_norm: bool = True) -> None:
        layers: list[nn.Module] = []
        for i, size in enumerate(sizes):
            layers.append(nn.Linear(input_size, size))
            layers += [nn.LayerNorm(size), nn.Tanh()] if layer_norm and i == 0 else [nn.ELU()]
            input_size = size
        super().__init__(*layers)
        self.output_size = input_size


class ScalarHead(nn.Module):
    """An MLP that ends in one number per row."""

    def __init__(self, input_size: int, sizes: Sequence[int], layer_norm: bool = True) -> None:
        super().__init__()
        self.torso = MLP(input_size, sizes, layer_norm)
        self.value = nn.Linear(self.torso.output_size, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """``[..., input_size]`` to ``[...]``."""
        value: Tensor = self.value(self.torso(inputs)).squeeze(-1)
        return value
