"""Pop-Art: adaptive normalisation of targets to zero mean and unit variance.

van Hasselt, Guez, Hessel, Mnih, Silver 2016, "Learning values across many orders of magnitude".
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from skill_train.skill_agents.ops.shapes import require_same_shape


class Moments(NamedTuple):
    """Running mean and variance of some targets, ``[...]`` each.

    The paper keeps the second moment instead of the variance. Their difference from the mean's
    square would lose a standard deviation that is small beside the mean.
    """

    mean: Tensor
    variance: Tensor

    def std(self, smallest: float = 1e-4) -> Tensor:
        """The root of the variance, at least ``smallest`` (constant targets have none)."""
        return self.variance.sqrt().clamp(min=smallest)


def update_moments(moments: Moments, targets: Tensor, counts: Tensor, rate: Tensor) -> Moments:
    """Eq. 6 of the paper for a batch of targets: ``m <- (1 - rate) m + rate mean(target)``.

    With the second moment that the paper updates alike, the variance becomes
    ``(1 - rate) (variance + rate (m - mean(target))^2) + rate variance(target)``.

    Args:
        moments: ``[N]``.
        targets: ``[T, N, B]``.
        counts: Which targets count, bool ``[T, N, B]``; where none of one of the N does, its
            moments stay.
        rate: In (0, 1], ``[N]``; 1 replaces the moments by those of the batch.

    Returns:
        The new moments, ``[N]``, without a gradient.

    Raises:
        ValueError: the shapes differ.
    """
    require_same_shape(targets=targets, counts=counts)
    require_same_shape(mean=moments.mean, variance=moments.variance, rate=rate)
    with torch.no_grad():
        number = counts.sum((0, 2))
        mean = torch.where(counts, targets, 0.0).sum((0, 2)) / number.clamp(min=1)
        deviation = torch.where(counts, targets - mean.unsqueeze(-1), 0.0)
        variance = deviation.square().sum((0, 2)) / number.clamp(min=1)
        rate = torch.where(number > 0, rate, 0.0)
        shifted = moments.variance + rate * (moments.mean - mean).square()
        return Moments(torch.lerp(moments.mean, mean, rate), torch.lerp(shifted, variance, rate))


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
