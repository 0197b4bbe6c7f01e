"""How the agents act: periods, noise, resets, and what they record for the learner."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from skill_train.skill_agents.agent import Timestep
from skill_train.skill_agents.hierarchical_kl.acting import extras
from tests.skill_agents.hierarchical_kl.unrolls import (
    DRIVEN,
    POLICY,
    STEPPED,
    SVG0_CONFIG,
    VTRACE_CONFIG,
)


def build(seed: int = 0, spec=DRIVEN, **changes):
    torch.manual_seed(seed)
    config = SVG0_CONFIG if spec is DRIVEN else VTRACE_CONFIG
    return replace(config, **changes).build(spec)


def timestep(seed: int, batch: int = 4, first: bool | list[bool] = False) -> Timestep:
    generator = torch.Generator().manual_seed(seed)
    observation = {
        name: torch.randn(batch, *array.shape, generator=generator)
        for name, array in DRIVEN.observation.items()
    }
    is_first = torch.tensor(first).expand(batch)
    return Timestep(observation, torch.zeros(batch), is_first, torch.zeros(batch).long())


def play(agent, firsts, batch: int = 4, explore: bool = True, seed: int = 5):
    """What `act` gave at every step; observations differ from step to step."""
    state, generator, results = agent.initial_state(batch), torch.Generator().manual_seed(seed), []
    for i, first in enumerate(firsts):
        with torch.no_grad():
            acting = agent.act(timestep(i, batch, first), state, explore, generator)
        results.append(acting)
        state = acting.state
    return results


@pytest.mark.parametrize("spec", [DRIVEN, STEPPED])
def test_without_exploration_both_levels_take_their_mode(spec):
    agent = build(spec=spec)
    step = timestep(0, first=True)
    with torch.no_grad():
        acting = agent.act(step, agent.initial_state(4), False)
        z = agent.policy.high(step.observation).mean
        expected = agent.policy.low(step.observation, z).mode()
    assert torch.equal(acting.action, expected)
    again = agent.act(step, agent.initial_state(4), False)
    assert torch.equal(again.action, expected)


@pytest.mark.parametrize("spec", [DRIVEN, STEPPED])
def test_the_recorded_log_prob_is_the_learners_density_given_the_same_noise(spec):
    agent = build(spec=spec)
    for i, acting in enumerate(play(agent, [True, False, False])):
        step = timestep(i)
        decision = agent.policy(step.observation, acting.state["noise"], None)
        torch.testing.assert_close(decision.latent, acting.state["latent"])
        torch.testing.assert_close(decision.low.log_prob(acting.action), acting.extras["log_prob"])


def test_extras_and_actions_are_what_the_row_declares():
    for spec in (DRIVEN, STEPPED):
        for period in (1, 3):
            agent = build(spec=spec, latent_period=period)
            row = spec.step_spec(extras(period))
            acting = play(agent, [True])[0]
            assert acting.extras.keys() == row.extras.keys()
            for name, array in row.extras.items():
                assert acting.extras[name].shape == (4, *array.shape)
                assert str(acting.extras[name].dtype) == f"torch.{array.dtype}"
            assert acting.action.shape == (4, *row.action.shape)
            assert str(acting.action.dtype) == f"torch.{row.action.dtype}"


def test_a_generator_makes_exploration_reproducible_and_nothing_else_is_random():
    agent = build()
    firsts = [True, False, False]
    torch.manual_seed(1)
    ours = play(agent, firsts)
    torch.manual_seed(2)
    theirs = play(agent, firsts)
    assert all(torch.equal(a.action, b.action) for a, b in zip(ours, theirs, strict=True))
    others = play(agent, firsts, seed=6)
    assert not torch.equal(ours[0].action, others[0].action)


@pytest.mark.parametrize("period", [1, 2, 3])
def test_a_latent_is_held_for_its_period_from_each_first_row_on(period):
    firsts = [True, False, False, False, True, False, False]
    played = play(build(latent_period=period), firsts)
    since = 0
    for i, first in enumerate(firsts):
        since = 0 if first else since + 1
        if period > 1:
            assert played[i].extras["age"].tolist() == [since % period] * 4
        if i > 0:
            kept = torch.equal(played[i].state["latent"], played[i - 1].state["latent"])
            assert kept == (since % period != 0)


def test_a_first_row_forgets_the_state_of_its_environment_only():
    agent = build(latent_period=2, noise_correlation=0.9)
    generator = torch.Generator()
    used = play(agent, [True])[0].state
    fresh = agent.initial_state(4)
    step = timestep(9, first=[True, False, True, False])
    with torch.no_grad():
        from_used = agent.act(step, used, True, generator.manual_seed(0))
        from_fresh = agent.act(step, fresh, True, generator.manual_seed(0))
    for name in used:
        assert torch.equal(from_used.state[name][::2], from_fresh.state[name][::2])
    assert torch.equal(from_used.action[::2], from_fresh.action[::2])
    assert torch.equal(from_used.state["latent"][1::2], used["latent"][1::2])


@pytest.mark.parametrize("period", [1, 2])
@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_noise_is_standard_normal_at_every_draw_and_correlated_from_draw_to_draw(
    correlation, period
):
    batch = 5000
    agent = build(noise_correlation=correlation, latent_period=period)
    played = play(agent, [True] + [False] * (4 * period), batch)
    drawn = [acting.state["noise"].double() for acting in played[::period]]
    tolerance = 5 / math.sqrt(batch * POLICY.latent_size)  # five standard errors
    for noise in drawn:
        assert abs(float(noise.mean())) < tolerance
        assert abs(float(noise.var()) - 1.0) < math.sqrt(2.0) * tolerance
    for last, now in pairwise(drawn):
        assert abs(float((last * now).mean()) - correlation) < math.sqrt(2.0) * tolerance


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_actions_keep_their_distribution_whether_their_noise_is_correlated_or_not(correlation):
    batch = 5000
    agent = build(action_noise_correlation=correlation)
    firsts = [True, False, False, True, False]
    noises = []
    for i, acting in enumerate(play(agent, firsts, batch)):
        low = agent.policy.low(timestep(i, batch).observation, acting.state["latent"])
        noises.append(((acting.action - low.mean) / low.std).detach().double())
        torch.testing.assert_close(low.log_prob(acting.action), acting.extras["log_prob"])
    tolerance = 5 / math.sqrt(noises[0].numel())  # five standard errors
    for noise in noises:
        assert abs(float(noise.mean())) < tolerance
        assert abs(float(noise.var()) - 1.0) < math.sqrt(2.0) * tolerance
    for (last, now), first in zip(pairwise(noises), firsts[1:], strict=True):
        expected = 0.0 if first else correlation
        assert abs(float((last * now).mean()) - expected) < math.sqrt(2.0) * tolerance


def test_acting_weights_are_all_that_acting_needs():
    agent, other = build(0), build(1)
    step = timestep(0, first=True)
    assert not torch.equal(*(a.act(step, a.initial_state(4), False).action for a in (agent, other)))
    weights = agent.acting_weights()
    other.load_acting_weights(weights)
    assert torch.equal(*(a.act(step, a.initial_state(4), False).action for a in (agent, other)))
    assert {name.split(".")[0] for name in weights} == {"policy"}
    agent.policy.low.head.linear.bias.data.add_(1.0)
    assert not torch.equal(
        weights["policy.low.head.linear.bias"], agent.policy.low.head.linear.bias
    )


def test_a_saved_agent_acts_as_before(tmp_path):
    agent, other = build(0, latent_period=2), build(1, latent_period=2)
    torch.save(agent.state_dict(), tmp_path / "agent.pt")
    other.load_state_dict(torch.load(tmp_path / "agent.pt", weights_only=True))
    firsts = [True, False, False]
    for ours, theirs in zip(play(agent, firsts), play(other, firsts), strict=True):
        assert torch.equal(ours.action, theirs.action)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"latent_period": 0}, "latent_period must be at least 1 step, not 0"),
        ({"noise_correlation": 1.0}, r"^noise_correlation lies in \[0, 1\), not 1.0"),
        (
            {"action_noise_correlation": -0.1},
            r"^action_noise_correlation lies in \[0, 1\), not -0.1",
        ),
    ],
)
def test_values_that_make_no_sense_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        build(**changes)


def test_svg0_refuses_discrete_actions():
    with pytest.raises(ValueError, match="needs continuous actions"):
        SVG0_CONFIG.build(STEPPED)
