"""A low level as skills: it follows latents that are chosen, or that the default policy draws."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch

from skill_train.replay.step import ArraySpec
from skill_train.skill_agents.agent import ContinuousAction, Timestep
from skill_train.skill_agents.hierarchical_kl.defaults import (
    FlatDefault,
    NoDefault,
    SeparateLowLevel,
    SharedLowLevel,
)
from skill_train.skill_agents.hierarchical_kl.latent_prior import LatentVariableDefault
from skill_train.skill_agents.hierarchical_kl.policies import FlatPolicyConfig
from skill_train.skill_agents.hierarchical_kl.priors import AR1Config
from skill_train.skill_agents.hierarchical_kl.skills import LowLevelConfig
from skill_train.skill_agents.sac.agent import SACConfig
from skill_train.skill_agents.skills import Skills
from tests.skill_agents.hierarchical_kl.unrolls import (
    DRIVEN,
    OBSERVATION,
    STEPPED,
    svg0,
    vtrace_agent,
)

B = 4_000
FLAT = FlatPolicyConfig(sizes=(8,), default_sizes=(8,))


def seen(first: bool, batch: int = B) -> Timestep:
    observation = {"proprioception": torch.ones(batch, 3), "task": torch.ones(batch, 2)}
    return Timestep(
        {name: array.double() for name, array in observation.items()},
        torch.zeros(batch),
        torch.full((batch,), first),
        torch.zeros(batch, dtype=torch.int64),
    )


def initial(skills: Skills, batch: int = B) -> dict[str, torch.Tensor]:
    state = skills.initial_state(batch)
    return {k: v.double() if v.is_floating_point() else v for k, v in state.items()}


def played(agent, steps: int, batch: int = B) -> list:
    skills, generator = agent.skills(), torch.Generator().manual_seed(0)
    state, found = initial(skills, batch), []
    for t in range(steps):
        now = seen(t == 0, batch)
        acting = skills.act(now, skills.draw(now, state, generator), state, generator)
        state = acting.state
        found.append(acting)
    return found


def test_latents_are_those_of_the_prior():
    """AR(1): marginals N(0, 1), neighbours correlated by a, those two steps apart by a squared."""
    latent = torch.stack([a.state["latent"][:, 0] for a in played(svg0(), 3)])
    assert latent.std(1).tolist() == pytest.approx([1.0] * 3, abs=0.05)
    c = torch.corrcoef(latent)
    assert [float(c[0, 1]), float(c[1, 2]), float(c[0, 2])] == pytest.approx(
        [0.95, 0.95, 0.95**2], abs=0.02
    )


def test_latents_are_held_for_the_period_and_drawn_anew_in_a_new_episode():
    agent = svg0(latent_period=3, default=SharedLowLevel(AR1Config(0.5)))
    latent = [a.state["latent"] for a in played(agent, 7)]
    same = [torch.equal(a, b) for a, b in itertools.pairwise(latent)]
    assert same == [True, True, False, True, True, False]
    drawn = torch.stack(latent)[::3, :, 0]
    assert drawn.std(1).tolist() == pytest.approx([1.0] * 3, abs=0.05)
    c = torch.corrcoef(drawn)
    assert [float(c[0, 1]), float(c[0, 2])] == pytest.approx([0.5, 0.25], abs=0.05)
    skills, state = agent.skills(), {"latent": latent[-1], "age": torch.ones(B).int()}
    anew = skills.draw(seen(True), state)
    assert abs(float(torch.corrcoef(torch.stack([anew[:, 0], latent[-1][:, 0]]))[0, 1])) < 0.06
    again = skills.act(seen(True), anew, state)
    torch.testing.assert_close(again.state["latent"], anew)
    assert (again.state["age"] == 0).all()


def test_a_choice_counts_where_a_period_begins():
    agent = svg0(latent_period=3)
    skills = agent.skills()
    choices, state = torch.randn(7, 5, 3).double(), initial(skills, 5)
    for t, in_force in enumerate([0, 0, 0, 3, 3, 3, 6]):
        now = seen(t == 0, 5)
        acting = skills.act(now, choices[t], state)
        state = acting.state
        expected = agent.policy.low(now.observation, choices[in_force]).mean
        torch.testing.assert_close(acting.action, expected)


@pytest.mark.parametrize("period", [1, 3])
def test_chosen_by_pi_h_they_act_as_the_agent_does(period):
    agent = svg0(latent_period=period)
    skills = agent.skills()
    mine, theirs = initial(skills, 5), {k: v.clone() for k, v in agent.initial_state(5).items()}
    for t in range(12):
        now = seen(t == 0, 5)
        now = now._replace(
            observation={name: torch.randn_like(array) for name, array in now.observation.items()},
            is_first=now.is_first | (torch.rand(5) < 0.2),
        )
        acting = skills.act(now, agent.policy.high(now.observation).mean, mine)
        expected = agent.act(now, theirs, explore=False)
        mine, theirs = acting.state, expected.state
        torch.testing.assert_close(acting.action, expected.action)


def test_where_one_episode_begins_only_its_choice_counts():
    skills = svg0(latent_period=3).skills()
    state = {"latent": torch.zeros(2, 3).double(), "age": torch.zeros(2).int()}
    now = seen(False, 2)._replace(is_first=torch.tensor([True, False]))
    acting = skills.act(now, torch.ones(2, 3).double(), state)
    assert acting.state["latent"].tolist() == [[1.0] * 3, [0.0] * 3]
    assert acting.state["age"].tolist() == [0, 1]


def test_a_finite_set_of_actions_gets_the_likeliest():
    agent = vtrace_agent()
    action = played(agent, 1, batch=6)[0]
    low = agent.policy.low(seen(True, 6).observation, action.state["latent"])
    assert torch.equal(action.action, low.log_probs.argmax(-1))


def test_latents_as_actions_lie_in_a_box():
    agent = svg0()
    assert agent.skills().action == ContinuousAction((-math.inf,) * 3, (math.inf,) * 3)
    boxed = LowLevelConfig(reach=1.5).build(agent)
    assert boxed.action == ContinuousAction((-1.5,) * 3, (1.5,) * 3)
    now, choice = seen(True, 5), torch.randn(5, 3).double()
    expected = agent.policy.low(now.observation, choice).mean
    torch.testing.assert_close(boxed.act(now, choice, initial(boxed, 5)).action, expected)


def test_the_low_level_needs_its_own_groups_alone():
    agent = svg0()
    skills = LowLevelConfig().build(agent)
    assert skills.groups == {"proprioception"}
    elsewhere = replace(DRIVEN, observation={**OBSERVATION, "task": ArraySpec((7,))})
    skills.check(DRIVEN, elsewhere)
    now = seen(True, 5)
    alone = now._replace(observation={"proprioception": now.observation["proprioception"]})
    choice, state = torch.randn(5, 3).double(), initial(skills, 5)
    torch.testing.assert_close(*(skills.act(x, choice, state).action for x in (now, alone)))


@pytest.mark.parametrize(
    ("task", "complaint"),
    [
        (
            replace(DRIVEN, observation={"proprioception": ArraySpec((4,))}),
            r"look at 'proprioception' of shape \(3,\), but the task shows it as \(4,\)",
        ),
        (
            replace(DRIVEN, observation={"task": ArraySpec((2,))}),
            r"look at 'proprioception' of shape \(3,\), but the task shows none",
        ),
        (
            STEPPED,
            r"the skills give ContinuousAction.*, but the task takes DiscreteAction\(count=4\)",
        ),
    ],
)
def test_a_task_for_another_body_is_refused(task, complaint):
    with pytest.raises(ValueError, match=complaint):
        svg0().skills().check(DRIVEN, task)


def test_the_low_level_follows_them_and_the_high_level_does_not_matter():
    for default in (SharedLowLevel(), SeparateLowLevel()):
        agent = svg0(default=default)
        low = agent.default_policy.low.default if agent.default_policy.low else agent.policy.low
        del agent.policy.high
        for acting in played(agent, 2, batch=5):
            expected = low(seen(False, 5).observation, acting.state["latent"]).mode()
            torch.testing.assert_close(acting.action, expected)


def test_a_flat_default_policy_draws_actions():
    agent = svg0(policy=FLAT, default=FlatDefault())
    action = played(agent, 1)[0].action
    assert agent.skills().action == DRIVEN.action
    expected = agent.default_policy.low.default(seen(True).observation, torch.zeros(B, 0))
    torch.testing.assert_close(action.mean(0), expected.mean[0], atol=0.06, rtol=0)
    torch.testing.assert_close(action.std(0), expected.std[0], atol=0.06, rtol=0)


def test_a_default_policy_with_latents_of_its_own_draws_those():
    default = LatentVariableDefault(AR1Config(0.8), latent_size=2, inference_hidden=7)
    agent = svg0(policy=FLAT, default=default)
    turns = played(agent, 2)
    latent = torch.stack([turn.state["latent"][:, 0] for turn in turns])
    assert latent.std(1).tolist() == pytest.approx([1.0] * 2, abs=0.05)
    assert float(torch.corrcoef(latent)[0, 1]) == pytest.approx(0.8, abs=0.03)
    expected = agent.default_policy.low.default(seen(False).observation, turns[1].state["latent"])
    torch.testing.assert_close(turns[1].action, expected.mode())


def test_without_a_default_policy_there_are_none():
    with pytest.raises(ValueError, match="no default policy that could act"):
        svg0(policy=FLAT, default=NoDefault()).skills()
    with pytest.raises(ValueError, match="no default policy that could act"):
        svg0(default=FlatDefault()).skills()  # latents that nobody draws


def test_agents_without_a_low_level_are_refused():
    with pytest.raises(
        ValueError, match="a low level that follows latents, which this SVG0 has no"
    ):
        LowLevelConfig().build(svg0(policy=FLAT, default=FlatDefault()))
    with pytest.raises(ValueError, match="SAC has no skills"):
        LowLevelConfig().build(SACConfig(groups=("task",)).build(DRIVEN))
