"""The V-trace agent's losses equal appendix B.3 worked out one row and one sum at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from skill_train.skill_agents.hierarchical_kl.defaults import SeparateLowLevel
from skill_train.skill_agents.hierarchical_kl.priors import AR1Config
from tests.skill_agents.hierarchical_kl.reference import (
    ReferenceDecisions,
    acted_rows,
    rest_of_episode,
)
from tests.skill_agents.hierarchical_kl.unrolls import (
    STEPPED,
    losses,
    random_unrolls,
    vtrace_agent,
)

A = 0.8


def reference_losses(agent, unrolls) -> dict[str, float]:
    c, rows = agent.config, unrolls.rows
    torch.manual_seed(7)
    noise = torch.randn(*rows.reward.shape, agent.policy.latent_size)
    d = ReferenceDecisions(agent.policy, unrolls, noise, A, agent.default_policy.low.default)
    value = np.zeros(rows.reward.shape)
    for t, b in np.ndindex(value.shape):
        value[t, b] = float(agent.critic(d.observation[t][b], d.z[t][b]))

    def log_pi(t, b) -> float:
        return float(d.low[t][b].log_probs[rows.action[t, b]])

    def clipped_ratio(t, b) -> float:
        return min(1.0, math.exp(log_pi(t, b) - float(rows.extras["log_prob"][t, b])))

    def discount(t, b) -> float:
        return c.gamma * float(rows.discount[t, b])

    def target(s, b) -> float:
        """Eq. 21."""
        v = value[s, b]
        for t in rest_of_episode(rows, s, b):
            future = value[t + 1, b] - c.kl_cost * d.kl[t + 1, b]
            error = float(rows.reward[t, b]) + discount(t, b) * future - value[t, b]
            weight = c.gamma ** (t - s) * math.prod(clipped_ratio(i, b) for i in range(s, t))
            v += weight * clipped_ratio(t, b) * error
        return v

    policy, critic, default = [], [], []
    for t, b in acted_rows(rows, agent.period):
        v_next = target(t + 1, b) if discount(t, b) else 0.0
        future = discount(t, b) * (v_next - c.kl_cost * d.kl[t + 1, b])
        advantage = clipped_ratio(t, b) * (float(rows.reward[t, b]) + future - value[t, b])
        p = d.low[t][b].log_probs.exp().tolist()
        entropy = -sum(x * math.log(x) for x in p)
        policy.append(
            -(log_pi(t, b) * advantage - c.kl_cost * d.kl[t, b] + c.entropy_cost * entropy)
        )
        critic.append(c.critic_cost * (target(t, b) - value[t, b]) ** 2)
        default.append(d.kl[t, b])
    return {
        "policy": np.mean(policy),
        "critic": np.mean(critic),
        "default_policy": np.mean(default),
    }


@pytest.mark.parametrize("period", [1, 3])
def test_in_every_kind_of_row(period):
    agent = vtrace_agent(default=SeparateLowLevel(AR1Config(A)), latent_period=period)
    unrolls = random_unrolls(5, STEPPED, period)
    with torch.no_grad():
        reference = reference_losses(agent, unrolls)
    assert {k: float(v.detach()) for k, v in losses(agent, unrolls.rows).items()} == pytest.approx(
        reference, rel=1e-6
    )
