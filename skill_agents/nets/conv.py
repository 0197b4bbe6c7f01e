"""A residual convolutional network for pixels."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from skill_train.skill_agents.nets.mlp import MLP

CHANNELS = (16, 32, 32)
"""Channels of the three sections of IMPALA's deep network (Espeholt et al. 2018, figure 3)."""


class ConvEncoder(nn.Module):
    """Pixels ``[..., H, W, C]`` uint8 to features ``[..., sizes[-1]]``.

    IMPALA's deep network with ELU for ReLU: for each of ``channels`` a 3x3 convolution, a 3x3
    maximum with stride 2 and two residual blocks. An MLP of ``sizes`` follows, the embedding.
    """

    def __init__(
        self, shape: Sequence[int], sizes: Sequence[int], channels: Sequence[int] = CHANNELS
    ) -> None:
        super().__init__()
        height, width, seen = shape
        sections = []
        for before, after in zip((seen, *channels), channels, strict=False):
            sections.append(_Section(before, after))
            height, width = (height + 1) // 2, (width + 1) // 2
        self.convolutions = nn.Sequential(*sections, nn.ELU())
        self.torso = MLP(channels[-1] * height * width, sizes, layer_norm=False)
        self.output_size = self.torso.output_size

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels, scaled from [0, 255] to [-1/2, 1/2], to features."""
        *leading, height, width, channels = pixels.shape
        images = pixels.reshape(-1, height, width, channels).movedim(-1, 1)
        images = images.to(next(self.parameters()).dtype) / 255.0 - 0.5
        features: Tensor = self.torso(self.convolutions(images).flatten(1))
        return features.reshape(*leading, self.output_size)


class _Section(nn.Sequential):
    """Images ``[N, before, H, W]`` to ``[N, after, H / 2, W / 2]``, rounded up."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__(
            nn.Conv2d(before, after, 3, padding=1),
            nn.MaxPool2d(3, stride=2, padding=1),
            _ResidualBlock(after),
            _ResidualBlock(after),
        )


class _ResidualBlock(nn.Module):
    """x + f(x), f of two 3x3 convolutions, each after an ELU; ``[N, C, H, W]`` to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.ELU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ELU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Images ``[N, C, H, W]`` to the same shape."""
        changed: Tensor = images + self.change(images)
        return changed
