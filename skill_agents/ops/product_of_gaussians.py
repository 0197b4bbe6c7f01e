"""The product of Gaussian factors, as a belief made from a set of observations."""

from __future__ import annotations

from torch import Tensor

from skill_train.skill_agents.ops.shapes import require_same_shape


def product_of_gaussians(mean: Tensor, std: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the normalised product of Gaussians along ``dim``.

    Precisions add up, and means are averaged by precision (Rakelly et al. 2019, PEARL, eq. 2;
    independent components)::

        1 / std^2 = sum_n 1 / std_n^2,    mean = std^2 sum_n mean_n / std_n^2

    Args:
        mean: Means of the factors, ``[..., D]``.
        std: Standard deviations of the factors, above 0, ``[..., D]``.
        dim: The axis of the factors; the order along it makes no difference.

    Returns:
        (mean, std), each without the axis ``dim``, differentiable in both arguments.

    Raises:
        ValueError: the shapes differ.
    """
    require_same_shape(mean=mean, std=std)
    precision = std.square().reciprocal()
    total = precision.sum(dim)
    return (precision * mean).sum(dim) / total, total.rsqrt()
