"""Generalised advantage estimation (Schulman et al. 2016)."""

from __future__ import annotations

from torch import Tensor

from skill_train.skill_agents.ops.returns import lambda_returns
from skill_train.skill_agents.ops.shapes import require_same_shape


def generalised_advantages(
    v_t: Tensor, v_tp1: Tensor, reward_t: Tensor, discount_t: Tensor, lambda_: float | Tensor
) -> Tensor:
    """Exponentially weighted sums of one-step errors.

    Schulman et al. 2016, "High-dimensional continuous control using generalized advantage
    estimation", eq. 16::

        A_t = delta_t + discount_t lambda_t A_{t+1},   A_T = 0
        delta_t = reward_t + discount_t v_tp1_t - v_t

    v_tp1 is v_t moved up by one row; then this equals the lambda-return less v_t, and is computed
    as that. On the last action before a time limit inside the trace give lambda_t = 0 (see
    `lambda_returns`). ``A_t + v_t`` is V's regression target.

    Args:
        v_t: V(x_t), ``[T, ...]``.
        v_tp1: V(x_{t+1}), ``[T, ...]``.
        reward_t: The reward of a_t, ``[T, ...]``.
        discount_t: gamma, or 0 where a_t ended the episode, ``[T, ...]``.
        lambda_: In [0, 1]; one for all rows, or ``[T, ...]``.

    Returns:
        A_t, ``[T, ...]``, not normalised, differentiable in everything: detach it.

    Raises:
        ValueError: the shapes differ, or a lambda_ given as a float is not in [0, 1].
    """
    require_same_shape(v_t=v_t, v_tp1=v_tp1, reward_t=reward_t, discount_t=discount_t)
    return lambda_returns(reward_t, discount_t, v_tp1, lambda_) - v_t
