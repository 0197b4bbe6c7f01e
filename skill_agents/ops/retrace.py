"""Retrace: action values from stored trajectories of another policy (Munos et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor

from skill_train.skill_agents.ops.recurrence import backward_recurrence
from skill_train.skill_agents.ops.shapes import require_same_shape


def retrace(
    q_t: Tensor,
    v_tp1: Tensor,
    reward_t: Tensor,
    discount_t: Tensor,
    ratio_t: Tensor,
    lambda_: float,
) -> Tensor:
    """Retrace targets for Q(x_t, a_t).

    Munos et al. 2016, "Safe and efficient off-policy reinforcement learning", eqs. 3 and 4, with a
    discount for each step::

        target_t = q_t + sum_{s>=t} (prod_{i=t+1..s} discount_{i-1} c_i) delta_s
        delta_s  = reward_s + discount_s v_tp1_s - q_s
        c_i      = lambda min(1, ratio_i)

    that is ``target_t = q_t + x_t`` with ``x_t = delta_t + discount_t c_{t+1} x_{t+1}``. The first
    action is given, so its own ratio does not count: target_t uses ratios t+1 and later.

    A zero ratio cuts the trace. The row after an episode's last action, where nothing was done
    (see `replay.step`), must have one; then a time limit (discount > 0 on the row before) gives
    the one-step target ``reward + discount * v_tp1`` there, and nothing of the next episode leaks
    in. A termination (discount 0) needs no help. Set that zero with ``where`` or ``masked_fill``:
    a product with a mask leaves a ratio that overflowed as not a number.

    With lambda = 0 the targets are one-step; with lambda = 1 and all ratios at least 1 they are
    the n-step returns corrected by expectations, ``r + discount (v - q)`` along the way.

    Args:
        q_t: Q(x_t, a_t) of the target network, ``[T, ...]``.
        v_tp1: E_a Q(x_{t+1}, a) under the target policy, ``[T, ...]``; whatever belongs to step
            t+1 but not to a_t, such as the cost of a KL, is already taken off.
        reward_t: The reward of a_t, ``[T, ...]``.
        discount_t: gamma, or 0 where a_t ended the episode, ``[T, ...]``.
        ratio_t: pi(a_t | x_t) / mu(a_t | x_t), ``[T, ...]``.
        lambda_: Trace parameter in [0, 1].

    Returns:
        target_t, ``[T, ...]``, differentiable in everything: detach it, or call this without a
        gradient, before it serves as a regression target.

    Raises:
        ValueError: the shapes differ, or lambda_ is not in [0, 1].
    """
    require_same_shape(
        q_t=q_t, v_tp1=v_tp1, reward_t=reward_t, discount_t=discount_t, ratio_t=ratio_t
    )
    if not 0.0 <= lambda_ <= 1.0:
        raise ValueError(f"lambda_ must be in [0, 1], but is {lambda_}")
    delta_t = torch.addcmul(reward_t, discount_t, v_tp1) - q_t
    trace_tp1 = lambda_ * ratio_t[1:].clamp(max=1.0)
    # Nothing is known past the last row, so its factor never counts.
    factor_t = torch.cat([discount_t[:-1] * trace_tp1, torch.zeros_like(discount_t[-1:])])
    return q_t + backward_recurrence(delta_t, factor_t)
