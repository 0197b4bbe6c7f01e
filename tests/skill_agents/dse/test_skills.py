"""A trained agent's skills act as the agent itself does at the same latents."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from skill_train.replay.step import ArraySpec
from skill_train.skill_agents.agent import (
    ContinuousAction,
    DiscreteAction,
    EnvironmentSpec,
    Timestep,
)
from skill_train.skill_agents.dse.embeddings import DisentangledConfig, SingleEmbeddingConfig
from skill_train.skill_agents.dse.policies import SharedPolicyConfig
from skill_train.skill_agents.dse.reinforce import ReinforceConfig
from skill_train.skill_agents.dse.sac import DSESACConfig
from skill_train.skill_agents.dse.skills import LatentBoxConfig, LatentPointsConfig
from tests.skill_agents.grid import GRID

EMBEDDING = DisentangledConfig(dynamics_size=2, goal_size=3, initial_spread=1.0)
ARM = EnvironmentSpec({"state": ArraySpec((3,))}, ContinuousAction((-1.0,) * 2, (1.0,) * 2), 6, 3)


def arm():
    torch.manual_seed(0)
    return DSESACConfig(embedding=EMBEDDING).build(ARM)


def cart(std: float = 1.0):
    torch.manual_seed(0)
    config = ReinforceConfig(
        policy=SharedPolicyConfig(hidden=8), embedding=replace(EMBEDDING, initial_std=std)
    )
    return config.build(GRID)


def seen(batch: int) -> dict[str, torch.Tensor]:
    """With a group that the trained agent does not know."""
    return {"state": torch.randn(batch, 3), "goal": torch.randn(batch, 2)}


def timestep(observation, task: int) -> Timestep:
    batch = len(observation["state"])
    nothing = torch.zeros(batch)
    return Timestep(
        {"state": observation["state"]}, nothing, nothing.bool(), torch.full((batch,), task)
    )


@pytest.mark.parametrize("dynamics", [0, 1])
@pytest.mark.parametrize("goal", [0, 1, 2])
def test_at_a_goals_mean_it_does_what_the_agent_does_in_that_task(dynamics, goal):
    agent, observation = arm(), seen(5)
    expected = agent.act(timestep(observation, 3 * dynamics + goal), {}, False).action
    points = LatentPointsConfig(dynamics).build(agent)
    torch.testing.assert_close(points.act(observation, torch.full((5,), goal)), expected)
    box = LatentBoxConfig(dynamics).build(agent)
    g = agent.embedding.goal.mean[goal].detach().expand(5, -1)
    torch.testing.assert_close(box.act(observation, g), expected)


def test_a_policy_of_indices_is_drawn_from_as_it_is_when_evaluated():
    agent, observation = cart(), seen(4000)
    skills = LatentPointsConfig(1).build(agent)
    ours = skills.act(observation, torch.full((4000,), 2), torch.Generator().manual_seed(0))
    assert ours.shape == (4000,) and ours.dtype == torch.int64
    again = skills.act(observation, torch.full((4000,), 2), torch.Generator().manual_seed(0))
    assert torch.equal(ours, again)
    theirs = agent.act(timestep(observation, 5), {}, False, torch.Generator().manual_seed(1)).action
    assert ours.float().mean() == pytest.approx(theirs.float().mean().item(), abs=0.03)


def test_the_points_are_the_means_and_the_middles_between_neighbours():
    agent = arm()
    skills = LatentPointsConfig(0).build(agent)
    m = agent.embedding.goal.mean.detach()
    assert skills.action == DiscreteAction(5)
    expected = torch.stack([m[0], m[1], m[2], (m[0] + m[1]) / 2, (m[1] + m[2]) / 2])
    torch.testing.assert_close(skills.points, expected)


def test_the_box_holds_the_means_with_a_margin():
    agent = arm()
    with torch.no_grad():
        agent.embedding.goal.mean.copy_(
            torch.tensor([[0.0, 1.0, -2.0], [2.0, 1.5, 0.0], [1.0, 3.0, -1.0]])
        )
    skills = LatentBoxConfig(0, margin=0.25).build(agent)
    assert skills.action == ContinuousAction((-0.5, 0.5, -2.5), (2.5, 3.5, 0.5))
    observation = seen(2)
    far, corner = torch.tensor([[9.0, -9.0, 0.0]]), torch.tensor([[2.5, 0.5, 0.0]])
    torch.testing.assert_close(
        skills.act(observation, far.expand(2, 3)), skills.act(observation, corner.expand(2, 3))
    )


def test_training_on_does_not_change_skills():
    agent, observation = arm(), seen(3)
    skills = LatentPointsConfig(0).build(agent)
    before = skills.act(observation, torch.tensor([0, 1, 2]))
    with torch.no_grad():
        agent.embedding.goal.mean.add_(1.0)
    torch.testing.assert_close(skills.act(observation, torch.tensor([0, 1, 2])), before)


def test_agents_without_such_skills_are_refused():
    single = DSESACConfig(embedding=SingleEmbeddingConfig(size=2)).build(ARM)
    with pytest.raises(ValueError, match="a DSE agent with an embedding of its own for goals"):
        LatentPointsConfig(0).build(single)
    with pytest.raises(ValueError, match="there is no dynamics 2; the agent knows 2"):
        LatentBoxConfig(2).build(arm())
