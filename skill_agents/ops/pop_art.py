"""Pop-Art: targets of any size brought to zero mean and unit variance, adaptively.

van Hasselt, Guez, Hessel, Mnih, Silver 2016, "Learning values across many orders of magnitude".
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from skill_agents.ops.shapes import require_same_shape


class Moments(NamedTuple):
    """Running mean and second moment of some targets, ``[...]`` each."""

    mean: Tensor
    second: Tensor

    def std(self, smallest: float = 1e-4) -> Tensor:
        """sqrt(second - mean^2), at least ``smallest`` (constant targets have none)."""
        variance = self.second - self.mean.square()
        return variance.clamp(min=smallest**2).sqrt()


def update_moments(moments: Moments, targets: Tensor, counts: Tensor, rate: Tensor) -> Moments:
    """Eq. 6 of the paper for a batch of targets: ``m <- (1 - rate) m + rate mean(target)``.

    Args:
        moments: ``[N]``.
        targets: ``[T, N, B]``.
        counts: Which targets count, bool ``[T, N, B]``; where none of a row of N does, its moments
            stay.
        rate: In (0, 1], ``[N]``; 1 replaces the moments by those of the batch.

    Returns:
        The new moments, ``[N]``, without a gradient.

    Raises:
        ValueError: the shapes differ.
    """
    require_same_shape(targets=targets, counts=counts)
    require_same_shape(mean=moments.mean, second=moments.second, rate=rate)
    with torch.no_grad():
        number = counts.sum((0, 2))
        kept = torch.where(counts, targets, 0.0)
        mean = kept.sum((0, 2)) / number.clamp(min=1)
        second = kept.square().sum((0, 2)) / number.clamp(min=1)
        rate = torch.where(number > 0, rate, 0.0)
        return Moments(
            torch.lerp(moments.mean, mean, rate), torch.lerp(moments.second, second, rate)
        )


def preserve_outputs(
    weight: Tensor, bias: Tensor, old: Moments, new: Moments
) -> tuple[Tensor, Tensor]:
    """The last layer that gives the same values after the moments changed (eqs. 8 and 9).

    With ``value = std * (weight @ h + bias) + mean``, the value of every h stays the same.

    Args:
        weight: ``[N, F]``, one row for each normalised output.
        bias: ``[N]``.
        old: The moments so far, ``[N]``.
        new: The moments from now on, ``[N]``.
    """
    ratio = old.std() / new.std()
    return weight * ratio.unsqueeze(-1), bias * ratio + (old.mean - new.mean) / new.std()
