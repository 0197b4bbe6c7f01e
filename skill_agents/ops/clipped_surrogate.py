"""A policy gradient that stops where the policy has moved far enough from the one that acted.

Schulman, Wolski, Dhariwal, Radford, Klimov 2017, "Proximal Policy Optimization Algorithms".
"""

from __future__ import annotations

from torch import Tensor, minimum

from skill_train.skill_agents.ops.shapes import require_same_shape


def clipped_surrogate(
    log_prob: Tensor, behaviour_log_prob: Tensor, advantage: Tensor, max_change: float
) -> Tensor:
    """Eq. 7 of the paper, to be maximised: ``min(ratio A, clip(ratio, 1 - change, 1 + change) A)``.

    ratio is pi(a) / mu(a). Where pi is still mu its gradient is ``A grad log pi(a)``, REINFORCE's.

    Args:
        log_prob: log pi(a) of the current policy, ``[...]``.
        behaviour_log_prob: log mu(a) of the policy that acted, ``[...]``.
        advantage: A, ``[...]``, taken as a constant.
        max_change: Largest change of the ratio, in its advantage's direction, that is rewarded.

    Returns:
        ``[...]``, differentiable in ``log_prob`` alone.

    Raises:
        ValueError: the shapes differ.
    """
    require_same_shape(
        log_prob=log_prob, behaviour_log_prob=behaviour_log_prob, advantage=advantage
    )
    ratio = (log_prob - behaviour_log_prob.detach()).exp()
    bounded = ratio.clamp(1.0 - max_change, 1.0 + max_change)
    advantage = advantage.detach()
    return minimum(ratio * advantage, bounded * advantage)
