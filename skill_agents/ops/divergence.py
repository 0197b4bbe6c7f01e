"""Kullback-Leibler divergences in closed form, in nats."""

from __future__ import annotations

from torch import Tensor

from skill_train.skill_agents.ops.shapes import require_same_shape


def gaussian_kl(mean_p: Tensor, std_p: Tensor, mean_q: Tensor, std_q: Tensor) -> Tensor:
    """KL(p || q) of two diagonal Gaussians, summed over their components.

    For each component, with u = std_p / std_q::

        KL = (u^2 - 1) / 2 - log u + ((mean_p - mean_q) / std_q)^2 / 2

    Args:
        mean_p: Mean of p, ``[..., D]``.
        std_p: Standard deviation of p, above 0, ``[..., D]``.
        mean_q: Mean of q, ``[..., D]``.
        std_q: Standard deviation of q, above 0, ``[..., D]``.

    Returns:
        ``[...]``, differentiable in all four.

    Raises:
        ValueError: the shapes differ.
    """
    require_same_shape(mean_p=mean_p, std_p=std_p, mean_q=mean_q, std_q=std_q)
    u = std_p / std_q
    shift = (mean_p - mean_q) / std_q
    return (0.5 * (u.square() - 1.0 + shift.square()) - u.log()).sum(-1)


def categorical_kl(logits_p: Tensor, logits_q: Tensor) -> Tensor:
    """KL(p || q) = sum_a p(a) (log p(a) - log q(a)) of two categorical distributions.

    An outcome with logit -inf under p adds nothing, whatever its logit under q; its gradient is 0.

    Args:
        logits_p: Unnormalised log probabilities of p, ``[..., A]``.
        logits_q: Unnormalised log probabilities of q, ``[..., A]``.

    Returns:
        ``[...]``, differentiable in both; infinite where q excludes an outcome that p does not.

    Raises:
        ValueError: the shapes differ.
    """
    require_same_shape(logits_p=logits_p, logits_q=logits_q)
    log_p, log_q = logits_p.log_softmax(-1), logits_q.log_softmax(-1)
    p = log_p.exp()
    return (p * (log_p - log_q).masked_fill(p == 0.0, 0.0)).sum(-1)
