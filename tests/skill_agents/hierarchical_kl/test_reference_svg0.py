"""SVG(0)'s losses equal Algorithm 2 worked out one row and one sum at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from skill_train.skill_agents.hierarchical_kl.defaults import (
    FlatDefault,
    SeparateLowLevel,
    SharedLowLevel,
)
from skill_train.skill_agents.hierarchical_kl.evaluated import TargetCopyConfig
from skill_train.skill_agents.hierarchical_kl.policies import FlatPolicyConfig
from skill_train.skill_agents.hierarchical_kl.priors import AR1Config
from tests.skill_agents.hierarchical_kl.reference import (
    ReferenceDecisions,
    acted_rows,
    rest_of_episode,
)
from tests.skill_agents.hierarchical_kl.unrolls import DRIVEN, losses, random_unrolls, svg0

A = 0.8


def reference_losses(
    agent, unrolls, low_default, online_low_default, evaluated=None
) -> dict[str, float]:
    """``evaluated``: the policy that Retrace evaluates, if it is not the agent's own."""
    c, rows = agent.config, unrolls.rows
    torch.manual_seed(7)
    noise = torch.randn(*rows.reward.shape, agent.policy.latent_size)
    action_noise = torch.randn(c.action_samples, *rows.action.shape)
    d = ReferenceDecisions(agent.policy, unrolls, noise, A, low_default)
    distilled = ReferenceDecisions(agent.policy, unrolls, noise, A, online_low_default)

    def q(critic, t, b, action) -> float:
        return float(critic(d.observation[t][b], d.z[t][b], action))

    def values(lows, action_noise) -> np.ndarray:  # E_a Q'(a, z_t, x_t)
        value = np.zeros(rows.reward.shape)
        for t, b in np.ndindex(value.shape):
            low = lows[t][b]
            actions = [low.mean + low.std * action_noise[m, t, b] for m in range(c.action_samples)]
            value[t, b] = np.mean([q(agent.target_critic, t, b, action) for action in actions])
        return value

    value, judged, judged_value = values(d.low, action_noise), d.low, None
    if evaluated is None:
        judged_value = value
    else:
        judged = ReferenceDecisions(evaluated, unrolls, noise, A, low_default).low
        judged_value = values(judged, torch.randn(c.action_samples, *rows.action.shape))

    def delta(s, b) -> float:
        future = judged_value[s + 1, b] - c.kl_cost * d.kl[s + 1, b]
        bootstrap = c.gamma * future if rows.discount[s, b] else 0.0
        return (
            float(rows.reward[s, b]) + bootstrap - q(agent.target_critic, s, b, rows.action[s, b])
        )

    def trace(i, b) -> float:
        log_pi = float(judged[i][b].log_prob(rows.action[i, b]))
        return c.trace * min(1.0, math.exp(log_pi - float(rows.extras["log_prob"][i, b])))

    policy, critic, default = [], [], []
    for t, b in acted_rows(rows, agent.period):
        target = q(agent.target_critic, t, b, rows.action[t, b])
        for s in rest_of_episode(rows, t, b):
            weight = c.gamma ** (s - t) * math.prod(trace(i, b) for i in range(t + 1, s + 1))
            target += weight * delta(s, b)
        entropy = sum(
            0.5 * math.log(2 * math.pi * math.e * s * s) for s in d.low[t][b].std.tolist()
        )
        critic.append((target - q(agent.critic, t, b, rows.action[t, b])) ** 2)
        policy.append(-(value[t, b] - c.kl_cost * d.kl[t, b] + c.entropy_cost * entropy))
        default.append(distilled.kl[t, b])
    return {
        "policy": np.mean(policy),
        "critic": np.mean(critic),
        "default_policy": np.mean(default),
    }


@pytest.mark.parametrize("lambda_", [1.0, 0.7])
@pytest.mark.parametrize("period", [1, 3])
def test_a_separate_low_level_in_every_kind_of_row(period, lambda_):
    agent = svg0(default=SeparateLowLevel(AR1Config(A)), latent_period=period, trace=lambda_)
    unrolls = random_unrolls(3, DRIVEN, period)
    low_default = agent.target_default_policy.low.default
    with torch.no_grad():
        reference = reference_losses(agent, unrolls, low_default, agent.default_policy.low.default)
    assert {k: float(v.detach()) for k, v in losses(agent, unrolls.rows).items()} == pytest.approx(
        reference, rel=1e-6
    )


def test_a_shared_low_level_counts_the_high_level_only():
    agent = svg0(default=SharedLowLevel(AR1Config(A)))
    unrolls = random_unrolls(4, DRIVEN)
    with torch.no_grad():
        reference = reference_losses(agent, unrolls, None, None)
    del reference["default_policy"]  # AR(1) has nothing to learn
    fast = {k: float(v.detach()) for k, v in losses(agent, unrolls.rows).items()}
    assert fast == pytest.approx(reference, rel=1e-6)


def test_a_target_copy_of_a_flat_policy_gives_retrace_its_values_and_ratios():
    flat = FlatPolicyConfig(sizes=(8,), default_sizes=(8,))
    agent = svg0(policy=flat, default=FlatDefault(), evaluated=TargetCopyConfig())
    with torch.no_grad():
        for parameter in agent.evaluated.policy.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    unrolls = random_unrolls(3, DRIVEN)
    fast = {k: float(v.detach()) for k, v in losses(agent, unrolls.rows).items()}
    with torch.no_grad():
        defaults = agent.target_default_policy.low.default, agent.default_policy.low.default
        reference = reference_losses(agent, unrolls, *defaults, agent.evaluated.policy)
        without = reference_losses(agent, unrolls, *defaults)
    assert fast == pytest.approx(reference, rel=1e-6)
    assert reference["critic"] != pytest.approx(without["critic"], rel=1e-3)
    assert reference["policy"] == pytest.approx(without["policy"])
