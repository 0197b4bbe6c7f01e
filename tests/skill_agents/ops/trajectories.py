"""Random trajectories for the multi-step formulas, made to cross every threshold in them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Trajectory(NamedTuple):
    """Rows [T, B], float64."""

    v_t: Tensor
    v_tp1: Tensor
    reward_t: Tensor
    discount_t: Tensor
    ratio_t: Tensor


def random_trajectory(seed: int, length: int = 9, batch: int = 7) -> Trajectory:
    """Ratios on both sides of 1 and of 2, some of them 0; about one row in six terminates.

    v_tp1 is drawn on its own, not taken from v_t, so that mixing up the two shows.
    """
    rng = np.random.default_rng(seed)
    shape = (length, batch)
    ratio = np.exp(rng.normal(0.0, 1.0, shape)) * (rng.random(shape) > 0.1)
    ratio[-2:, :2] = [[0.5, 1.5], [0.0, 3.0]]  # at least one of each kind, however few rows
    rows = (
        rng.normal(size=shape),
        rng.normal(size=shape),
        rng.normal(size=shape),
        0.97 * (rng.random(shape) > 1 / 6),
        ratio,
    )
    return Trajectory(*(torch.from_numpy(array) for array in rows))


def on_policy(trajectory: Trajectory) -> Trajectory:
    """The same with all ratios 1 and v_tp1 the next row of v_t."""
    return trajectory._replace(
        v_tp1=torch.cat([trajectory.v_t[1:], trajectory.v_tp1[-1:]]),
        ratio_t=torch.ones_like(trajectory.ratio_t),
    )


def column(*values: float) -> Tensor:
    """Values as [T, 1], float64."""
    return torch.tensor(values, dtype=torch.float64).unsqueeze(1)
