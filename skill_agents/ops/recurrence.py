"""The backward recurrence under every multi-step return: x_t = a_t + b_t x_{t+1}.

Retrace, V-trace, lambda-returns and generalised advantages are all of this form, with different
a and b. Everything costly is computed for all rows at once before the loop,
which is then one fused multiply-add per row, without control flow that depends on data, so that
it can be captured in a CUDA graph.
"""

from __future__ import annotations

import torch
from torch import Tensor


def backward_recurrence(offset_t: Tensor, factor_t: Tensor, last: Tensor | None = None) -> Tensor:
    """Solve ``x_t = offset_t + factor_t * x_{t+1}`` from the last row to the first.

    Args:
        offset_t: a_t, ``[T, ...]``.
        factor_t: b_t, ``[T, ...]``.
        last: x_T, ``[...]``; zero if left out.

    Returns:
        x_t for t in 0 .. T-1, ``[T, ...]``.
    """
    offsets, factors = offset_t.unbind(0), factor_t.unbind(0)
    x = offsets[-1] if last is None else torch.addcmul(offsets[-1], factors[-1], last)
    rows = [x]
    for offset, factor in zip(reversed(offsets[:-1]), reversed(factors[:-1]), strict=True):
        x = torch.addcmul(offset, factor, x)
        rows.append(x)
    rows.reverse()
    return torch.stack(rows)
