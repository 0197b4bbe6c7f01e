"""The noise that draws latents and actions while acting: white, or correlated from draw to draw."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Noise:
    """Standard normal noise, AR(1) over the draws of an episode.

    Raises ValueError unless ``correlation``, which the option ``name`` sets, lies in [0, 1).
    """

    def __init__(self, name: str, correlation: float) -> None:
        if not 0.0 <= correlation < 1.0:
            raise ValueError(f"{name} lies in [0, 1), not {correlation}")
        self.correlation = correlation

    def draw(self, last: Tensor, first: Tensor, generator: torch.Generator | None) -> Tensor:
        """The draw ``[B, D]`` after ``last [B, D]``; an episode begins where ``first [B]``."""
        c = self.correlation
        white = torch.empty_like(last).normal_(generator=generator)
        if c == 0.0:
            return white
        correlated = c * last + math.sqrt(1.0 - c * c) * white
        return torch.where(first.unsqueeze(-1), white, correlated)
