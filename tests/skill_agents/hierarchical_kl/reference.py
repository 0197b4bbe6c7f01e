"""Algorithm 2 and appendix B.3 once more: one row at a time, sums and products as printed."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from skill_train.replay.step import Step
from skill_train.skill_agents.hierarchical_kl.policies import Policy
from skill_train.skill_agents.nets.gaussian import Gaussian
from tests.skill_agents.hierarchical_kl.unrolls import Unrolls


def normal_kl(mean, std, mean0, std0) -> float:
    """KL of two diagonal Gaussians by the integral's closed form, component by component."""
    return sum(
        math.log(s0 / s) + (s * s + (m - m0) ** 2) / (2 * s0 * s0) - 0.5
        for m, s, m0, s0 in zip(mean, std, mean0, std0, strict=True)
    )


class ReferenceDecisions:
    """z_t, pi_H, pi_L and KL_t of every row, with AR(1) prior and an optional separate pi0_L."""

    def __init__(
        self,
        policy: Policy,
        unrolls: Unrolls,
        noise: torch.Tensor,
        correlation: float,
        low_default: nn.Module | None = None,
    ) -> None:
        rows, age = unrolls
        total, batch = rows.reward.shape
        self.observation = [
            [{k: v[t, b] for k, v in rows.observation.items()} for b in range(batch)]
            for t in range(total)
        ]
        high = [[policy.high(o) for o in line] for line in self.observation]
        self.z = [[None] * batch for _ in range(total)]
        self.low = [[None] * batch for _ in range(total)]
        self.kl = np.full((total, batch), np.nan)  # a row that must not count would show
        for t in range(total):
            for b in range(batch):
                drawn_at = max(t - int(age[t, b]), 0)
                gaussian = high[drawn_at][b]
                self.z[t][b] = gaussian.mean + gaussian.std * noise[drawn_at, b]
                self.low[t][b] = policy.low(self.observation[t][b], self.z[t][b])
        for t in range(1, total):
            for b in range(batch):
                kl = 0.0
                if age[t, b] == 0:
                    z = self.z[t - 1][b].tolist()
                    mean0, std0 = [correlation * x for x in z], math.sqrt(1 - correlation**2)
                    if rows.is_first[t, b]:
                        mean0, std0 = [0.0] * len(z), 1.0
                    mean, std = high[t][b].mean.tolist(), high[t][b].std.tolist()
                    kl += normal_kl(mean, std, mean0, [std0] * len(z))
                if low_default is not None:
                    default = low_default(self.observation[t][b], self.z[t][b])
                    kl += _action_kl(self.low[t][b], default)
                self.kl[t, b] = kl


def _action_kl(low, default) -> float:
    if isinstance(low, Gaussian):
        return normal_kl(*(x.tolist() for x in (*low, *default)))
    p, q = low.log_probs.exp().tolist(), default.log_probs.exp().tolist()
    return sum(pi * math.log(pi / qi) for pi, qi in zip(p, q, strict=True))


def acted_rows(rows: Step, context: int) -> list[tuple[int, int]]:
    """(t, b) of the steps that are learned from: not context, not bootstrap, with an action."""
    total, batch = rows.reward.shape
    return [
        (t, b)
        for b in range(batch)
        for t in range(context, total - 1)
        if not rows.is_first[t + 1, b]
    ]


def rest_of_episode(rows: Step, t: int, b: int) -> range:
    """Steps s >= t up to the end of the episode or of the unroll."""
    end = t
    while end < len(rows.reward) - 1 and not rows.is_first[end + 1, b]:
        end += 1
    return range(t, end)
