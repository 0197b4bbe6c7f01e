"""Embeddings by index, and the policies that take their latents."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from skill_train.replay.step import ArraySpec
from skill_train.skill_agents.agent import ContinuousAction, EnvironmentSpec
from skill_train.skill_agents.dse.embeddings import (
    DisentangledConfig,
    IndexedGaussian,
    SingleEmbeddingConfig,
)
from skill_train.skill_agents.dse.policies import IndependentPoliciesConfig, SharedPolicyConfig
from tests.skill_agents.grid import GRID


def test_latents_are_those_of_the_tasks_dynamics_and_goal():
    torch.manual_seed(0)
    embedding = DisentangledConfig(dynamics_size=2, goal_size=3).build(GRID)
    task = torch.tensor([5, 0])  # (1, 2) and (0, 0)
    noise = torch.randn(7, 2, 4, 5)
    latent = embedding(task, noise)
    for n, (i, j) in enumerate(((1, 2), (0, 0))):
        z, g = latent[:, n, :, :2], latent[:, n, :, 2:]
        std = embedding.dynamics.log_std[i].exp()
        torch.testing.assert_close(z, embedding.dynamics.mean[i] + std * noise[:, n, :, :2])
        std = embedding.goal.log_std[j].exp()
        torch.testing.assert_close(g, embedding.goal.mean[j] + std * noise[:, n, :, 2:])


def test_a_single_embedding_has_one_latent_for_each_task():
    embedding = SingleEmbeddingConfig(size=4).build(GRID)
    assert embedding.task.mean.shape == (6, 4)
    latent = embedding(torch.tensor([3]), torch.zeros(1, 2, 4))
    torch.testing.assert_close(latent[0, 1], embedding.task.mean[3])


def test_metrics_tell_where_every_latent_lies():
    torch.manual_seed(0)
    embedding = DisentangledConfig(dynamics_size=2, goal_size=1, initial_std=0.5).build(GRID)
    metrics = embedding.metrics()
    assert len(metrics) == 2 * (2 * 2 + 3 * 1)
    assert metrics["latent/dynamics_1_mean_0"] == embedding.dynamics.mean[1, 0]
    assert metrics["latent/goal_2_std_0"].item() == pytest.approx(0.5)


def test_the_divergence_is_from_a_standard_normal():
    torch.manual_seed(0)
    gaussian = IndexedGaussian(3, 2, initial_spread=1.0, initial_std=0.5)
    q = Normal(gaussian.mean, gaussian.log_std.exp())
    expected = kl_divergence(q, Normal(torch.zeros(3, 2), torch.ones(3, 2))).sum(-1)
    torch.testing.assert_close(gaussian.divergence(), expected)


def test_a_shared_policy_drives_continuous_actions_too():
    spec = EnvironmentSpec(
        {"state": ArraySpec((3,))}, ContinuousAction((-1.0,) * 2, (1.0,) * 2), 6, 3
    )
    policy = SharedPolicyConfig().build(spec, 4)
    out = policy({"state": torch.zeros(5, 6, 2, 3)}, torch.arange(6), torch.zeros(5, 6, 2, 4))
    assert out.mean.shape == (5, 6, 2, 2)
    with pytest.raises(ValueError, match="discrete actions"):
        IndependentPoliciesConfig().build(spec, 0)
