"""V-trace: state values and advantages from another policy's actions (Espeholt et al. 2018)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from skill_train.skill_agents.ops.recurrence import backward_recurrence
from skill_train.skill_agents.ops.shapes import require_same_shape


class VTrace(NamedTuple):
    """Results of `vtrace`, each ``[T, ...]``."""

    target_t: Tensor
    """Regression target of V(x_t)."""
    advantage_t: Tensor
    """Factor of grad log pi(a_t | x_t), with the clipped ratio in it already."""


def vtrace(
    v_t: Tensor,
    v_tp1: Tensor,
    reward_t: Tensor,
    discount_t: Tensor,
    ratio_t: Tensor,
    lambda_: float = 1.0,
    clip_rho: float = 1.0,
    clip_c: float = 1.0,
) -> VTrace:
    """V-trace targets and policy-gradient advantages.

    Espeholt et al. 2018, "IMPALA", eq. 1 and section 4.2, with a discount for each step::

        target_t    = v_t + x_t,   x_t = delta_t + discount_t c_t x_{t+1},   x_T = 0
        delta_t     = rho_t (reward_t + discount_t v_tp1_t - v_t)
        advantage_t = rho_t (reward_t + discount_t (v_tp1_t + x_{t+1}) - v_t)
        rho_t       = min(clip_rho, ratio_t),   c_t = lambda min(clip_c, ratio_t)

    ``v_tp1_t + x_{t+1}`` is how the paper's v_{t+1} is written here. Where v_tp1 is v_t moved up
    by one row the two are the same, and three other cases come out right without a special rule:

    * the last row, which bootstraps from v_tp1;
    * a time limit: the row after the last action, where nothing was done (see `replay.step`), has
      ratio 0, hence x = 0, so the row before it bootstraps from v_tp1 and nothing of the next
      episode leaks in;
    * a cost of arriving at x_{t+1}, taken off in v_tp1 only (Tirumala et al., appendix B.3:
      ``v_tp1 = V_{t+1} - alpha KL_{t+1}``): targets are V + x, and the advantage's next value is
      target_{t+1} - alpha KL_{t+1}.

    The ratio is inside the advantage, as in that paper's eq. 22 (rho_t grad log pi delta_t):
    do not multiply by it again. A zero ratio makes both x and the advantage of its row zero.
    On policy, with lambda = 1 and clips of at least 1, targets are n-step returns.

    Args:
        v_t: V(x_t), ``[T, ...]``.
        v_tp1: V(x_{t+1}), less the cost of arriving there, ``[T, ...]``.
        reward_t: The reward of a_t, ``[T, ...]``.
        discount_t: gamma, or 0 where a_t ended the episode, ``[T, ...]``.
        ratio_t: pi(a_t | x_t) / mu(a_t | x_t), finite, ``[T, ...]``.
        lambda_: Trace parameter in [0, 1].
        clip_rho: Ratios in delta and in the advantage are at most this.
        clip_c: Ratios in the trace are at most this.

    Returns:
        (target_t, advantage_t), differentiable in everything: detach both, or call this without a
        gradient, before they enter a loss.

    Raises:
        ValueError: the shapes differ, lambda_ is not in [0, 1], or a clip is not above 0.
    """
    require_same_shape(
        v_t=v_t, v_tp1=v_tp1, reward_t=reward_t, discount_t=discount_t, ratio_t=ratio_t
    )
    if not 0.0 <= lambda_ <= 1.0:
        raise ValueError(f"lambda_ must be in [0, 1], but is {lambda_}")
    if clip_rho <= 0.0 or clip_c <= 0.0:
        raise ValueError(f"clip_rho and clip_c must be above 0, but are {clip_rho} and {clip_c}")
    rho_t = ratio_t.clamp(max=clip_rho)
    c_t = lambda_ * ratio_t.clamp(max=clip_c)
    error_t = torch.addcmul(reward_t, discount_t, v_tp1) - v_t
    x_t = backward_recurrence(rho_t * error_t, discount_t * c_t)
    x_tp1 = torch.cat([x_t[1:], torch.zeros_like(x_t[-1:])])
    return VTrace(v_t + x_t, rho_t * torch.addcmul(error_t, discount_t, x_tp1))
