"""Skills: the default policy draws the latents, and the low level follows them."""

from __future__ import annotations

import itertools

import pytest
import torch

from skill_train.skill_agents.agent import Timestep
from skill_train.skill_agents.hierarchical_kl.defaults import (
    FlatDefault,
    NoDefault,
    SeparateLowLevel,
    SharedLowLevel,
)
from skill_train.skill_agents.hierarchical_kl.latent_prior import LatentVariableDefault
from skill_train.skill_agents.hierarchical_kl.policies import FlatPolicyConfig
from skill_train.skill_agents.hierarchical_kl.priors import AR1Config
from tests.skill_agents.hierarchical_kl.unrolls import svg0

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


def played(agent, steps: int, batch: int = B) -> list:
    skills, generator = agent.skills(), torch.Generator().manual_seed(0)
    state = {k: v.double() if v.is_floating_point() else v
             for k, v in skills.initial_state(batch).items()}  # fmt: skip
    found = []
    for t in range(steps):
        acting = skills.act(seen(t == 0, batch), state, False, generator)
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
    skills = agent.skills()
    again = skills.act(seen(True), {"latent": latent[-1], "age": torch.ones(B).int()}, False)
    assert not torch.equal(again.state["latent"], latent[-1])


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
