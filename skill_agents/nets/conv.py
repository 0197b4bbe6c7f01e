"""A small convolutional network for what a body's camera sees."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from skill_agents.nets.mlp import MLP


class ConvEncoder(nn.Module):
    """Pixels ``[..., H, W, C]`` uint8 to features ``[..., sizes[-1]]``.

    Two strided convolutions of 16 and 32 channels, as in the small network of IMPALA (Espeholt et
    al. 2018, figure 3), then an MLP of ``sizes``. The paper gives no network for its vision tasks.
    """

    def __init__(self, shape: Sequence[int], sizes: Sequence[int]) -> None:
        super().__init__()
        height, width, channels = shape
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, 16, 8, stride=4), nn.ELU(), nn.Conv2d(16, 32, 4, stride=2), nn.ELU()
        )
        with torch.no_grad():
            flat = self.convolutions(torch.zeros(1, channels, height, width)).numel()
        self.torso = MLP(flat, sizes)
        self.output_size = self.torso.output_size

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels are scaled from 0 to 255 to -1/2 to 1/2."""
        *leading, height, width, channels = pixels.shape
        images = pixels.reshape(-1, height, width, channels).movedim(-1, 1)
        images = images.to(next(self.parameters()).dtype) / 255.0 - 0.5
        features: Tensor = self.torso(self.convolutions(images).flatten(1))
        return features.reshape(*leading, self.output_size)
