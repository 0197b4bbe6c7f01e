"""Body transfer: the high level stays, and what it pays the low level is -alpha KL of arriving."""

from __future__ import annotations

import copy

import pytest
import torch

from skill_train.experiments.hierarchical_kl.grid import HIGH_LEVEL
from skill_train.learners.learner import Learner
from skill_train.skill_agents.hierarchical_kl.defaults import SharedLowLevel
from skill_train.skill_agents.hierarchical_kl.priors import LearnedARConfig
from skill_train.skill_agents.transfer import Transfer
from tests.skill_agents.hierarchical_kl.unrolls import (
    DRIVEN,
    STEPPED,
    losses,
    random_unrolls,
    svg0,
    vtrace_agent,
)

LEARNED = SharedLowLevel(LearnedARConfig((4,)))


@pytest.mark.parametrize(("make", "spec"), [(svg0, DRIVEN), (vtrace_agent, STEPPED)])
def test_the_high_level_stays_and_the_low_level_learns(make, spec):
    agent = make(seed=1, default=LEARNED)
    HIGH_LEVEL.apply(agent, make(seed=2, default=LEARNED).state_dict())
    before = copy.deepcopy(agent.state_dict())
    Learner(agent).update({"unrolls": random_unrolls(0, spec).rows})
    moved = {k for k, v in agent.state_dict().items() if not torch.equal(v, before[k])}
    assert not any(name.startswith(("policy.high.", "default_policy.")) for name in moved)
    assert any(name.startswith("policy.low.") for name in moved)
    assert any(name.startswith("critic.") for name in moved)


def test_the_kl_reward_is_a_reward_for_arriving():
    """The same losses as without KL, but with gamma (-alpha KL_{t+1}) added to each reward.

    pi_L gets no other gradient from the KL. Rows that end an episode bring none: nothing follows.
    """
    alpha = 0.7
    agent = vtrace_agent(default=LEARNED, kl_cost=alpha)
    Transfer(copy=(), freeze=("policy.high", "default_policy")).apply(agent, {})
    rows = random_unrolls(3, STEPPED).rows
    torch.manual_seed(7)
    noise = torch.randn(*rows.reward.shape, agent.policy.latent_size)
    decision = agent.policy(rows.observation, noise, None)
    kl = agent.default_policy.kl(decision, rows, None).detach()
    assert (kl[1:] > 0).all()

    unpaid = vtrace_agent(default=LEARNED, kl_cost=0.0)
    unpaid.load_state_dict(agent.state_dict())
    reward = rows.reward.clone()
    reward[:-1] -= alpha * unpaid.config.gamma * rows.discount[:-1] * kl[1:]
    paid_by_hand = losses(unpaid, rows._replace(reward=reward))
    paid = losses(agent, rows)
    torch.testing.assert_close(paid["critic"], paid_by_hand["critic"])
    low = list(agent.policy.low.parameters())
    theirs = torch.autograd.grad(
        paid_by_hand["policy"], list(unpaid.policy.low.parameters()), retain_graph=True
    )
    for mine, other in zip(torch.autograd.grad(paid["policy"], low), theirs, strict=True):
        torch.testing.assert_close(mine, other)
