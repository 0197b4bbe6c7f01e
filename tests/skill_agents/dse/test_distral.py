"""Distral against its formulas, one trajectory at a time."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from skill_train.learners.learner import Learner
from skill_train.skill_agents.dse.distral import Distral, DistralConfig
from tests.skill_agents.grid import (
    GAMMA,
    GRID,
    LIMIT,
    TASKS,
    counted_steps,
    gradient_size,
    length_of,
    norms_of_networks,
    random_trials,
    slow_mean_and_std,
    slow_returns,
    slow_score,
)


def build() -> Distral:
    torch.manual_seed(0)
    config = DistralConfig(hidden=(6, 5), alpha=0.4, beta=3.0, gamma=GAMMA, max_length=LIMIT)
    return config.build(GRID).double()


def slow_logits(nets, n: int, state: np.ndarray) -> np.ndarray:
    for k, layer in enumerate(nets.layers):
        state = layer.weight[n].detach().numpy().T @ state + layer.bias[n, 0].detach().numpy()
        state = np.maximum(state, 0.0) if k + 1 < len(nets.layers) else state
    return state


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - math.log(np.exp(logits).sum())


def test_losses_are_the_papers():
    agent, rows = build(), random_trials(0, 0)
    scores, distilled = [], []
    for n, task in enumerate(TASKS):
        played = []
        for b in range(rows.reward.shape[2]):
            logs = []
            for t in range(length_of(rows, n, b)):
                state, a = rows.observation["state"][t, n, b].numpy(), int(rows.action[t, n, b])
                h = slow_logits(agent.shared, 0, state)
                f = slow_logits(agent.tasks, task, state)
                logs.append((log_softmax(0.4 * h + 3.0 * f)[a], log_softmax(h)[a]))
            reward = [
                float(rows.reward[t, n, b]) + 0.4 / 3.0 * prior - log_pi / 3.0
                for t, (log_pi, prior) in enumerate(logs)
            ]
            value = slow_returns(reward, rows, n, b)
            log_mu = rows.extras["log_prob"][:, n, b].tolist()
            played.append([(value[t], *logs[t], log_mu[t]) for t in counted_steps(rows, n, b)])
        mean, std = slow_mean_and_std([value for one in played for value, *_ in one])
        scores += [
            sum(slow_score((v - mean) / std, x, mu) for v, x, _, mu in one) for one in played
        ]
        distilled += [sum(0.4 / 3.0 * prior / std for _, _, prior, _ in one) for one in played]
    losses, _ = agent.losses({"trials": rows})
    score, prior = float(np.mean(scores)), float(np.mean(distilled))
    assert losses["tasks"].item() == pytest.approx(-score, rel=1e-6)
    assert losses["shared"].item() == pytest.approx(-score - prior, rel=1e-6)


def test_both_losses_reach_their_group():
    agent, rows = build(), random_trials(1, 0)
    losses, _ = agent.losses({"trials": rows})
    assert gradient_size(losses["shared"], agent.shared) > 0
    assert gradient_size(losses["tasks"], agent.tasks) > 0
    own = gradient_size(losses["shared"] - losses["tasks"], agent.tasks)
    assert own == 0, "what is distilled does not move the tasks' own networks"


def test_the_tasks_networks_are_clipped_one_by_one():
    rows, networks = random_trials(1, 0), {}
    for bound in (None, 1.1):
        agent = build()
        agent.config = replace(agent.config, max_grad_norm=bound)
        Learner(agent).update({"trials": rows})
        networks[bound] = norms_of_networks(agent, "tasks")
    free, clipped = networks[None], networks[1.1]
    trained = free[list(TASKS)]
    assert trained.min() < 1.1 < trained.max()
    torch.testing.assert_close(clipped, free.clamp(max=1.1), rtol=1e-3, atol=1e-6)


def test_a_large_beta_lets_every_task_go_its_own_way():
    agent, rows = build(), random_trials(2, 0)
    policy, prior = agent.policies(rows.observation, torch.tensor(TASKS))
    assert policy.log_probs.shape == prior.log_probs.shape == (LIMIT + 1, 4, 3, 2)
    spread = policy.log_probs.exp().std(1).mean()
    agent.config = DistralConfig(alpha=1.0, beta=0.0)
    policy, prior = agent.policies(rows.observation, torch.tensor(TASKS))
    torch.testing.assert_close(policy.log_probs, prior.log_probs)
    assert spread > 0.01
