"""REINFORCE with a baseline against its formulas, one step at a time."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from skill_train.learners.learner import Learner
from skill_train.replay.step import ArraySpec, Step
from skill_train.skill_agents.agent import ContinuousAction, DiscreteAction, EnvironmentSpec
from skill_train.skill_agents.reinforce import trials
from skill_train.skill_agents.reinforce.agent import BaselineReinforce, BaselineReinforceConfig
from tests.skill_agents.grid import (
    GAMMA,
    GRID,
    LIMIT,
    counted_steps,
    gradient_size,
    random_trials,
    slow_mean_and_std,
    slow_returns,
    slow_score,
)

SPEC = EnvironmentSpec({"state": ArraySpec((3,))}, DiscreteAction(2))
CONFIG = BaselineReinforceConfig(
    groups=("state",), hidden=5, gamma=GAMMA, alpha_policy=2.0, max_length=LIMIT
)
BATCH = 6


def build(config: BaselineReinforceConfig = CONFIG) -> BaselineReinforce:
    torch.manual_seed(0)
    return config.build(SPEC).double()


def one_task(seed: int) -> Step:
    """Trials ``[LIMIT+1, 1, BATCH]``."""
    rows = random_trials(seed, 0, batch=BATCH)
    names = ("action", "reward", "discount", "is_first", "policy_version")
    return rows._replace(
        observation={"state": rows.observation["state"][:, :1]},
        task=torch.zeros_like(rows.task[:, :1]),
        extras={"log_prob": rows.extras["log_prob"][:, :1]},
        **{name: getattr(rows, name)[:, :1] for name in names},
    )


def test_losses_are_the_sums_of_their_steps():
    agent, rows = build(), one_task(0)
    with torch.no_grad():
        losses = {k: v.item() for k, v in agent.losses({"trials": rows})[0].items()}
        states = rows.observation["state"][:-1, 0]
        log_prob = agent.policy(states).log_prob(rows.action[:-1, 0])
        reward = rows.reward[:-1, 0] - log_prob / 2.0
        returns = [slow_returns(reward[:, b], rows, 0, b) for b in range(BATCH)]
        steps = [(t, b) for b in range(BATCH) for t in counted_steps(rows, 0, b)]
        mean, std = slow_mean_and_std([returns[b][t] for t, b in steps])
        expected, ratios = {"policy": 0.0, "baseline": 0.0}, []
        for t, b in steps:
            error = (returns[b][t] - mean) / std - agent.baseline(states[t, b]).item()
            log_pi, log_mu = log_prob[t, b].item(), rows.extras["log_prob"][t, 0, b].item()
            ratios.append(np.exp(log_pi - log_mu))
            expected["policy"] -= slow_score(error, log_pi, log_mu) / BATCH
            expected["baseline"] += error**2 / BATCH
    assert min(ratios) < 0.8 and max(ratios) > 1.2, "else nothing is clipped"
    assert losses == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("max_ratio_change", [0.2, 0.01])
def test_on_policy_the_gradient_is_that_of_reinforce_without_a_ratio(max_ratio_change):
    """advantage * grad log pi, whatever the bound; exactly, as the ratio is 1."""
    agent, rows = build(replace(CONFIG, max_ratio_change=max_ratio_change)), one_task(2)
    with torch.no_grad():
        log_mu = agent.policy(rows.observation["state"]).log_prob(rows.action)
    losses, _ = agent.losses({"trials": rows._replace(extras={"log_prob": log_mu})})
    played = trials.read(rows, GAMMA)
    log_prob = agent.policy(played.observation["state"]).log_prob(played.action)
    value = trials.returns(played, played.reward - log_prob / 2.0)
    baseline = agent.baseline(played.observation["state"])
    advantage = (agent.scale.normalise(value, played.task) - baseline).detach()
    plain = -trials.sum_over_steps(advantage * log_prob, played)
    parameters = list(agent.policy.parameters())
    ours, theirs = (torch.autograd.grad(loss, parameters) for loss in (losses["policy"], plain))
    assert all(gradient.abs().max() > 0 for gradient in theirs)
    assert all(torch.equal(mine, other) for mine, other in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(("baseline", "is_pushed"), [(-50.0, False), (50.0, True)])
def test_an_action_that_is_likelier_by_now_is_pushed_no_further_but_pushed_back(
    baseline, is_pushed
):
    """Every action is e times likelier than when it was drawn, and every return lies above the
    baseline, or below it."""
    agent, rows = build(), one_task(3)
    with torch.no_grad():
        log_pi = agent.policy(rows.observation["state"]).log_prob(rows.action)
        agent.baseline.last.bias.fill_(baseline)
    losses, _ = agent.losses({"trials": rows._replace(extras={"log_prob": log_pi - 1.0})})
    assert (gradient_size(losses["policy"], agent.policy) > 0.0) == is_pushed


def test_a_new_baseline_predicts_about_the_mean_of_the_first_returns():
    """Returns near 1000 then do not all look better than it by as many deviations."""
    agent, rows = build(), one_task(0)
    acted = torch.cat([~rows.is_first[1:], torch.zeros_like(rows.is_first[:1])])
    before = [p.clone() for p in agent.baseline.parameters()]
    agent.losses({"trials": rows._replace(reward=(250.0 + rows.reward) * acted)})
    after = list(agent.baseline.parameters())
    assert all(torch.equal(a, b) for a, b in zip(after, before, strict=True))
    assert agent.scale.mean.item() > 300.0 and agent.scale.updates.tolist() == [1.0]


def test_trials_of_which_no_step_counts_are_no_first_returns():
    """Cut by a time limit before a return was complete; the next ones are the first."""
    agent, rows = build(), one_task(0)
    short = rows._replace(
        is_first=torch.arange(LIMIT + 1).reshape(-1, 1, 1).expand(rows.is_first.shape) != 1,
        discount=(torch.arange(LIMIT + 1).reshape(-1, 1, 1) == 0).expand(rows.discount.shape),
    )
    agent.losses({"trials": short})
    assert agent.scale.updates.tolist() == [0.0]
    assert agent.scale.mean.tolist() == [0.0] and agent.scale.variance.tolist() == [1.0]
    agent.losses({"trials": rows})
    fresh = build()
    fresh.losses({"trials": rows})
    assert torch.equal(agent.scale.mean, fresh.scale.mean)


def test_new_moments_leave_what_the_baseline_predicts():
    """Pop-Art: in rewards, not on the normalised scale."""
    agent, state = build(), torch.randn(7, 3, dtype=torch.float64)
    agent.losses({"trials": one_task(1)})

    def predicted() -> np.ndarray:
        moments = agent.scale.moments(torch.tensor([0]))
        return (agent.baseline(state) * moments.std() + moments.mean).detach().numpy()

    before = predicted()
    agent.losses({"trials": one_task(0)})
    np.testing.assert_allclose(predicted(), before, rtol=1e-9)
    assert float(agent.scale.updates[0]) == 2.0


def test_each_loss_reaches_its_own_network():
    agent = build()
    losses, _ = agent.losses({"trials": one_task(0)})
    assert losses.keys() == agent.parameter_groups().keys()
    assert gradient_size(losses["policy"], agent.policy) > 0
    assert gradient_size(losses["policy"], agent.baseline) == 0
    assert gradient_size(losses["baseline"], agent.baseline) > 0
    assert gradient_size(losses["baseline"], agent.policy) == 0


def test_what_pays_becomes_likelier():
    """Reward 1 for action 1 in states above 0, for action 0 below."""
    agent = build(replace(CONFIG, alpha_policy=math.inf, learning_rate=0.02))
    learner = Learner(agent)
    for seed in range(60):
        rows = one_task(seed)
        right = rows.action == (rows.observation["state"][..., 0] > 0)
        acted = torch.cat([~rows.is_first[1:], torch.zeros_like(rows.is_first[:1])])
        learner.update({"trials": rows._replace(reward=(right & acted).double())})
    state = torch.zeros(1, 3, dtype=torch.float64)
    high = agent.policy(state + torch.tensor([1.0, 0.0, 0.0])).log_probs.exp()[0, 1]
    low = agent.policy(state - torch.tensor([1.0, 0.0, 0.0])).log_probs.exp()[0, 1]
    assert high - low > 0.15


def test_continuous_actions_and_several_tasks_are_refused():
    for spec in (replace(SPEC, action=ContinuousAction((-1.0,), (1.0,))), GRID):
        with pytest.raises(ValueError, match="made for discrete actions in one task"):
            CONFIG.build(spec)
