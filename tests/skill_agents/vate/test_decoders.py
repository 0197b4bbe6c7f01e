"""Decoders over all (t, i) pairs against one pair at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from skill_train.skill_agents.vate.decoders import CellRewardConfig, RewardAndTransitionConfig
from tests.skill_agents.vate.made_up import GRID, LENGTH, PLANE, random_trials

S, B, D = 3, 6, 2


def embeddings() -> torch.Tensor:
    return torch.randn(S, B, D, generator=torch.Generator().manual_seed(1))


def test_cell_rewards_are_the_log_probability_at_the_visited_cell():
    torch.manual_seed(0)
    decoder = CellRewardConfig((4,)).build(GRID, D)
    rows, m = random_trials(GRID, 0), embeddings()
    log_p = decoder(m, rows)
    assert log_p.shape == (S, LENGTH, B)
    for s in range(S):
        for i in range(LENGTH):
            for b in range(B):
                cell = int(rows.observation["arrived"][i + 1, b].argmax())
                p = decoder.goal_probability(m[s, b])[cell].item()
                expected = math.log(p if rows.reward[i, b] > 0.5 else 1.0 - p)
                assert log_p[s, i, b].item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("spec", [GRID, PLANE], ids=["discrete", "continuous"])
@pytest.mark.parametrize("weights", [(1.0, 1.0), (2.0, 0.0), (0.0, 0.5)])
def test_rewards_and_transitions_are_an_mlp_over_each_pair(spec, weights):
    torch.manual_seed(0)
    config = RewardAndTransitionConfig(
        sizes=(5, 4),
        reward_weight=weights[0],
        transition_weight=weights[1],
        reward_scale=0.5,
        transition_scale=2.0,
    )
    decoder = config.build(spec, D)
    rows, m = random_trials(spec, 0), embeddings()
    log_p = decoder(m, rows)
    assert log_p.shape == (S, LENGTH, B)
    for s in range(S):
        for i in range(LENGTH):
            for b in range(B):
                state = rows.observation["state"][i, b].numpy()
                arrived = rows.observation["arrived"][i + 1, b].numpy()
                action = rows.action[i, b].numpy()
                code = np.eye(3)[int(action)] if spec is GRID else action
                here, there = np.concatenate([state, code]), (arrived - state) / 2.0
                r = slow_mlp(decoder.reward, m[s, b], np.concatenate([here, arrived]))
                d = slow_mlp(decoder.transition, m[s, b], here)
                expected = -0.5 * weights[0] * (r[0] - float(rows.reward[i, b]) / 0.5) ** 2
                expected -= 0.5 * weights[1] * ((d - there) ** 2).sum()
                assert log_p[s, i, b].item() == pytest.approx(expected, abs=1e-4)


def slow_mlp(pair_mlp, m: torch.Tensor, transition: np.ndarray) -> np.ndarray:
    """One network whose first layer sees m and the transition side by side."""
    weight = np.concatenate(
        [pair_mlp.of_embedding.weight.detach(), pair_mlp.of_transition.weight.detach()], axis=1
    )
    x = weight @ np.concatenate([m, transition]) + pair_mlp.of_embedding.bias.detach().numpy()
    for layer in pair_mlp.rest:
        if isinstance(layer, torch.nn.Linear):
            x = np.where(x > 0, x, np.expm1(x))  # ELU, of the layer before
            x = layer.weight.detach().numpy() @ x + layer.bias.detach().numpy()
    return x
