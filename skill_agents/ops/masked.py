"""Means over the rows that count."""

from __future__ import annotations

from torch import Tensor


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of ``values`` over the rows where ``mask`` is true, zero where none is.

    values, mask: of one shape; ``mask`` is bool. Values of other rows do not matter, not even
    NaN.
    """
    return values.masked_fill(~mask, 0.0).sum() / mask.sum().clamp(min=1)
