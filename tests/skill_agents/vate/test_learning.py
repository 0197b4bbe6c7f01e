"""A tiny belief, trained for seconds on random walks over the grid, knows what it should."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skill_train.replay.step import Step
from skill_train.skill_agents.agent import DiscreteAction, EnvironmentSpec
from skill_train.skill_agents.nets.gaussian import LOG_2PI
from skill_train.skill_agents.vate.beliefs import GaussianBeliefConfig, gaussian_of
from skill_train.skill_agents.vate.decoders import CellRewardConfig
from skill_train.skill_agents.vate.model import TABLE, VariationalModelConfig
from skill_train.skill_agents.vate.vate import take
from tests.skill_agents.vate.made_up import LENGTH, OBSERVATION

CELLS = 4
SPEC = EnvironmentSpec(OBSERVATION, DiscreteAction(CELLS), num_tasks=CELLS, num_goals=CELLS)


def visits(seed: int, batch: int) -> Step:
    """Jump to random cells, action by action; one of four hidden ones brings 1."""
    rng = np.random.default_rng(seed)
    goal = np.arange(batch) % CELLS
    action = rng.integers(CELLS, size=(LENGTH + 1, batch))
    arrived = np.concatenate([np.zeros((1, batch), np.int64), action[:-1]])
    reward = np.where(action == goal, 1.0, -0.1)
    seen = torch.eye(CELLS)[torch.from_numpy(arrived)]
    is_first = torch.zeros(LENGTH + 1, batch, dtype=torch.bool)
    is_first[0] = True
    return Step(
        observation={
            "state": seen,
            "arrived": seen,
            "new_episode": is_first.float().unsqueeze(-1),
        },
        action=torch.from_numpy(action),
        reward=torch.tensor(reward, dtype=torch.float32),
        discount=torch.ones(LENGTH + 1, batch),
        is_first=is_first,
        task=torch.from_numpy(goal).expand(LENGTH + 1, -1),
        policy_version=torch.zeros(LENGTH + 1, batch, dtype=torch.int64),
        extras={},
    )


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    belief = GaussianBeliefConfig(size=3, embedding=16, memory=24).build(SPEC)
    model = VariationalModelConfig(CellRewardConfig((16,)), kl_weight=1.0).build(SPEC, belief)
    adam = torch.optim.Adam([*belief.parameters(), *model.parameters()], lr=5e-3)
    data = visits(0, 2_000)
    for _ in range(400):
        rows = take(data, torch.randint(2_000, (32,)))
        loss, _ = model.loss({TABLE: belief.unroll(rows)[0]}, {TABLE: rows})
        adam.zero_grad()
        loss.backward()
        adam.step()
    return belief, model


def test_the_belief_of_an_untouched_task_is_still_the_prior(trained):
    belief, _ = trained
    q = gaussian_of(belief.unroll(visits(1, 8))[0][0])
    torch.testing.assert_close(q.mean, torch.zeros(8, 3))
    expected = 3 * 0.5 * (1.0 + LOG_2PI)
    torch.testing.assert_close(q.entropy(), torch.full((8,), expected))


@torch.no_grad()
def test_finding_the_goal_lowers_the_entropy_and_later_rows_keep_it_low(trained):
    belief, _ = trained
    rows = visits(1, 400)
    entropy = gaussian_of(belief.unroll(rows)[0]).entropy()
    prior = float(entropy[0, 0])
    at_once = rows.reward[0] == 1.0
    assert 60 < int(at_once.sum()) < 140
    # One look that finds the goal says all; one that does not leaves three cells.
    assert (entropy[1:, at_once] < prior - 0.4).all()
    assert entropy[1, at_once].mean() < entropy[1, ~at_once].mean() - 0.05
    found = (rows.reward[:-1] == 1.0).any(0)
    assert entropy[-1, found].mean() < entropy[-1, ~found].mean() - 0.05


@torch.no_grad()
def test_visited_cells_have_no_goal_and_the_one_that_was_found_has(trained):
    """Figure 3a in numbers, at the mean of the belief."""
    belief, model = trained
    rows = visits(2, 400)
    chance = model.decoder.goal_probability(gaussian_of(belief.unroll(rows)[0]).mean)
    known, refuted = [], []
    for b in range(400):
        for t in range(1, LENGTH + 1):
            rewards = {int(rows.action[i, b]): float(rows.reward[i, b]) for i in range(t)}
            for cell, reward in rewards.items():
                (known if reward == 1.0 else refuted).append(float(chance[t, b, cell]))
    assert np.mean(known) > 0.6
    assert np.mean(refuted) < 0.15
