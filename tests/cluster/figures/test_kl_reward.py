"""The KL reward over the grid's cells, worked out by hand for latents that are places."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from skill_train.cluster.show.figures import kl_reward
from skill_train.skill_agents.hierarchical_kl.priors import AR1
from skill_train.skill_agents.nets.gaussian import Gaussian

GOAL = (5, 2)


class Somewhere(torch.nn.Module):
    """A high level whose latent is where the agent is relative to its goal, times ``scale``."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, observation):
        task = observation["task"]
        mean = self.scale * (task[..., :2] - task[..., 2:])
        return Gaussian(mean, torch.full_like(mean, 0.1))


def agent(scale: float, correlation: float):
    policy = SimpleNamespace(high=Somewhere(scale))
    high = SimpleNamespace(prior=AR1(correlation))
    return SimpleNamespace(policy=policy, default_policy=SimpleNamespace(high=high))


def test_values_by_hand():
    """Latents of two neighbours lie 2/7 apart in one component; E over z adds its variance."""
    reward = kl_reward.kl_reward(agent(1.0, 0.8), GOAL)
    there, here = np.array([1 - 5, 1 - 2]) * 2 / 7, np.array([0 - 5, 1 - 2]) * 2 / 7
    s2 = 1 - 0.8**2
    square = ((there - 0.8 * here) ** 2 + 0.8**2 * 0.1**2 + 0.1**2) / (2 * s2)
    expected = -np.sum(square + 0.5 * np.log(s2 / 0.1**2) - 0.5)
    assert reward[0, 1, 0] == pytest.approx(expected, rel=0.02)


def test_moves_that_cannot_be_made_have_no_value():
    reward = kl_reward.kl_reward(agent(1.0, 0.8), GOAL)
    assert np.isnan(reward[7, 3, 0]) and np.isnan(reward[0, 3, 2])
    assert np.isnan(reward[3, 7, 1]) and np.isnan(reward[3, 0, 3])
    assert np.isnan(reward[GOAL]).all()
    assert np.isfinite(reward).sum() == 63 * 5 - 4 * 8


def test_latents_that_are_small_near_the_goal_point_to_it_from_everywhere():
    """N(0, I) whatever came before: the smaller the latent, the better paid."""
    reward = kl_reward.kl_reward(agent(1.0, 0.0), GOAL)
    assert kl_reward.towards_goal(reward, GOAL) == 1.0
    outwards = kl_reward.kl_reward(agent(1.0, 0.0), GOAL) * -1
    assert kl_reward.towards_goal(outwards, GOAL) == 0.0


def test_the_picture(tmp_path):
    out = tmp_path / "arrows.png"
    kl_reward.draw_arrows(kl_reward.kl_reward(agent(1.0, 0.8), GOAL), GOAL, out)
    assert out.read_bytes()[1:4] == b"PNG"
