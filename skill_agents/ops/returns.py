"""Returns of a trajectory as it was acted: discounted sums and lambda-returns."""

from __future__ import annotations

import torch
from torch import Tensor

from skill_train.skill_agents.ops.recurrence import backward_recurrence
from skill_train.skill_agents.ops.shapes import require_same_shape


def discounted_returns(reward_t: Tensor, discount_t: Tensor, bootstrap: Tensor) -> Tensor:
    """Discounted sums of rewards: ``G_t = reward_t + discount_t G_{t+1}``, ``G_T = bootstrap``.

    A termination inside the trace (discount 0) separates two episodes. A time limit does not:
    where one may fall inside, use `lambda_returns`, which has a value to bootstrap from.

    Args:
        reward_t: The reward of a_t, ``[T, ...]``.
        discount_t: gamma, or 0 where a_t ended the episode, ``[T, ...]``.
        bootstrap: Value of the state after the last row, ``[...]``.

    Returns:
        G_t, ``[T, ...]``, differentiable in everything.

    Raises:
        ValueError: the shapes differ.
    """
    require_same_shape(reward_t=reward_t, discount_t=discount_t)
    if bootstrap.shape != reward_t.shape[1:]:
        raise ValueError(
            f"bootstrap has shape {tuple(bootstrap.shape)}, but must have that of one row of "
            f"reward_t, {tuple(reward_t.shape[1:])}"
        )
    return backward_recurrence(reward_t, discount_t, bootstrap)


def lambda_returns(
    reward_t: Tensor, discount_t: Tensor, v_tp1: Tensor, lambda_: float | Tensor
) -> Tensor:
    """Mixtures of all n-step returns.

    Sutton and Barto 2018, "Reinforcement learning", eq. 12.18::

        G_t = reward_t + discount_t ((1 - lambda_t) v_tp1_t + lambda_t G_{t+1})
        G_T = v_tp1_{T-1}

    With lambda = 0 this is the one-step target, with lambda = 1 the discounted sum of rewards
    with a bootstrap at the end. Give lambda_ as a tensor with 0 on the last action of an episode
    that a time limit ended: that row then bootstraps from v_tp1, and what follows stays out.

    In imagined rollouts (Hafner et al. 2020, "Dream to Control", eq. 6) row t is the step from
    state t to state t+1, so H steps need the H values of states 1 .. H.

    Args:
        reward_t: The reward of a_t, ``[T, ...]``.
        discount_t: gamma, or 0 where a_t ended the episode, ``[T, ...]``.
        v_tp1: V(x_{t+1}), ``[T, ...]``.
        lambda_: In [0, 1]; one for all rows, or ``[T, ...]``.

    Returns:
        G_t, ``[T, ...]``, differentiable in everything.

    Raises:
        ValueError: the shapes differ, or a lambda_ given as a float is not in [0, 1].
    """
    require_same_shape(reward_t=reward_t, discount_t=discount_t, v_tp1=v_tp1)
    if isinstance(lambda_, Tensor):
        require_same_shape(reward_t=reward_t, lambda_=lambda_)
    elif not 0.0 <= lambda_ <= 1.0:
        raise ValueError(f"lambda_ must be in [0, 1], but is {lambda_}")
    offset_t = torch.addcmul(reward_t, discount_t, (1.0 - lambda_) * v_tp1)
    return backward_recurrence(offset_t, discount_t * lambda_, last=v_tp1[-1])
