"""The one check that the formulas share: arguments that belong together have one shape."""

from __future__ import annotations

from torch import Tensor


def require_same_shape(**arguments: Tensor) -> None:
    """Raise ValueError unless all arguments have the shape of the first, with at least one row.

    Broadcasting would hide a missing or swapped axis, so the formulas do not broadcast.
    """
    (first_name, first), *others = arguments.items()
    if first.ndim == 0 or first.shape[0] == 0:
        raise ValueError(
            f"{first_name} has shape {tuple(first.shape)}, but needs a leading axis "
            "with at least one row"
        )
    for name, tensor in others:
        if tensor.shape != first.shape:
            raise ValueError(
                f"{name} has shape {tuple(tensor.shape)}, but must have the shape of "
                f"{first_name}, {tuple(first.shape)}"
            )
