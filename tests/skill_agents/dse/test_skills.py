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


def acted(skills, observation, choice, generator=None):
    now = timestep(observation, 0)._replace(observation=observation)
    return skills.act(now, choice, skills.initial_state(len(choice)), generator).action


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
    torch.testing.assert_close(acted(points, observation, torch.full((5,), goal)), expected)
    box = LatentBoxConfig(dynamics).build(agent)
    g = agent.embedding.goal.mean[goal].detach().expand(5, -1)
    torch.testing.assert_close(acted(box, observation, g), expected)


def test_a_policy_of_indices_is_drawn_from_as_it_is_when_evaluated():
    agent, observation = cart(), seen(4000)
    skills = LatentPointsConfig(1).build(agent)
    ours = acted(skills, observation, torch.full((4000,), 2), torch.Generator().manual_seed(0))
    assert ours.shape == (4000,) and ours.dtype == torch.int64
    again = acted(skills, observation, torch.full((4000,), 2), torch.Generator().manual_seed(0))
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


def drawn(skills, episodes: int, steps: int):
    """Choices that nobody made, ``[episodes * steps, B, ...]``."""
    generator, batch = torch.Generator().manual_seed(0), 4_000
    state, found = skills.initial_state(batch), []
    for row in range(episodes * steps):
        now = timestep(seen(batch), 0)._replace(is_first=torch.full((batch,), row % steps == 0))
        found.append(skills.draw(now, state, generator))
        state = skills.act(now, found[-1], state, generator).state
    return torch.stack(found)


def test_where_nobody_chooses_an_episode_has_one_of_the_points():
    choice = drawn(LatentPointsConfig(0).build(arm()), episodes=2, steps=3)
    assert torch.equal(choice[:3], choice[:1].expand(3, -1))
    assert torch.equal(choice[3:], choice[3:4].expand(3, -1))
    for episode in choice[::3]:
        shares = torch.bincount(episode, minlength=5) / len(episode)
        torch.testing.assert_close(shares, torch.full((5,), 0.2), atol=0.025, rtol=0)
    agree = (choice[0] == choice[3]).float().mean()
    assert float(agree) == pytest.approx(0.2, abs=0.025), "episodes are drawn independently"


def test_where_nobody_chooses_an_episode_has_one_latent_of_the_box():
    skills = LatentBoxConfig(0).build(arm())
    choice = drawn(skills, episodes=2, steps=2)
    assert torch.equal(choice[0], choice[1]) and not torch.equal(choice[1], choice[2])
    low, high = torch.tensor(skills.action.low), torch.tensor(skills.action.high)
    share = (choice[0] - low) / (high - low)
    assert share.min() >= 0.0 and share.max() <= 1.0
    torch.testing.assert_close(share.mean(0), torch.full((3,), 0.5), atol=0.02, rtol=0)
    torch.testing.assert_close(share.std(0), torch.full((3,), 12**-0.5), atol=0.01, rtol=0)


def test_they_look_at_the_groups_of_the_policy():
    assert LatentPointsConfig(0).build(arm()).groups == {"state"}


def test_training_on_does_not_change_skills():
    agent, observation = arm(), seen(3)
    skills = LatentPointsConfig(0).build(agent)
    before = acted(skills, observation, torch.tensor([0, 1, 2]))
    with torch.no_grad():
        agent.embedding.goal.mean.add_(1.0)
    torch.testing.assert_close(acted(skills, observation, torch.tensor([0, 1, 2])), before)


def test_agents_without_such_skills_are_refused():
    single = DSESACConfig(embedding=SingleEmbeddingConfig(size=2)).build(ARM)
    with pytest.raises(ValueError, match="a DSE agent with an embedding of its own for goals"):
        LatentPointsConfig(0).build(single)
    with pytest.raises(ValueError, match="there is no dynamics 2; the agent knows 2"):
        LatentBoxConfig(2).build(arm())
