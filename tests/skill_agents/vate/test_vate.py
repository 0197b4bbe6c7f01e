"""The agent: targets against sums written out, what each loss reaches, and what a batch becomes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from skill_train.learners.learner import Learner
from skill_train.skill_agents.vate.beliefs import DeterministicBeliefConfig, KnownTaskConfig
from skill_train.skill_agents.vate.model import TABLE, NoModelConfig
from skill_train.skill_agents.vate.policy_gradient import A2C, PPO
from skill_train.skill_agents.vate.vate import VATE, VATEConfig
from tests.skill_agents.vate.made_up import (
    GRID,
    LENGTH,
    PLANE,
    SMALL,
    gradient_of,
    length_of,
    random_trials,
    timestep,
)

RL2 = replace(SMALL, belief=DeterministicBeliefConfig(3, 5, 6), model=NoModelConfig())
ORACLE = replace(SMALL, belief=KnownTaskConfig(), model=NoModelConfig())
AGENTS = {
    "vate": SMALL,
    "detached": replace(SMALL, rl_gradient="detached"),
    "rl2": RL2,
    "oracle": ORACLE,
    "a2c": replace(SMALL, optimisation=A2C()),
}


def build(config: VATEConfig, spec=GRID) -> VATE:
    torch.manual_seed(0)
    return config.build(spec)


def batch_for(agent: VATE, spec=GRID) -> dict:
    return {
        name: random_trials(spec, seed, draw.batch_size)
        for seed, (name, draw) in enumerate(agent.config.schema(spec, (0,)).draws.items())
    }


def test_advantages_and_targets_are_sums_of_one_step_errors():
    agent = build(SMALL)
    rows = random_trials(GRID, 0)
    value = agent.value(rows.observation, *agent.belief.unroll(rows)).detach().numpy()
    advantages = {}
    for b in range(6):
        length = length_of(rows, b)
        delta = [
            0.5 * float(rows.reward[t, b])
            + 0.9 * float(rows.discount[t, b]) * value[t + 1, b]
            - value[t, b]
            for t in range(length)
        ]
        for t in range(length):
            # The discount is 0 on a last action alone, so it needs no product here.
            steps = range(t, length)
            advantages[t, b] = sum((0.9 * 0.8) ** (h - t) * delta[h] for h in steps)
    mean, std = np.mean(list(advantages.values())), np.std(list(advantages.values()))
    got = agent.with_targets(rows).extras
    for (t, b), advantage in advantages.items():
        assert float(got["target"][t, b]) == pytest.approx(advantage + value[t, b], abs=1e-5)
        assert float(got["advantage"][t, b]) == pytest.approx((advantage - mean) / std, abs=1e-4)


@pytest.mark.parametrize("spec", [GRID, PLANE], ids=["discrete", "continuous"])
@pytest.mark.parametrize("name", AGENTS)
def test_every_agent_learns_and_its_batches_are_cut_into_updates(name, spec):
    agent = build(AGENTS[name], spec)
    learner = Learner(agent)
    before = {k: v.clone() for k, v in agent.state_dict().items()}
    learner.update(batch_for(agent, spec))
    assert learner.steps == (1 if name == "a2c" else 6)
    assert all(np.isfinite(value) for value in learner.metrics().values())
    same = [k for k, v in agent.state_dict().items() if torch.equal(v, before[k])]
    assert same == []


def test_each_epoch_has_every_trial_once_and_the_model_gets_fresh_ones_for_each_update():
    agent = build(SMALL)
    batch = batch_for(agent)
    for rows in batch.values():
        number = torch.arange(rows.reward.shape[1]).expand(LENGTH + 1, -1)
        rows.extras["number"] = number
    parts = list(agent.minibatches(batch))
    assert len(parts) == 6
    for epoch in (parts[:3], parts[3:]):
        numbers = torch.cat([part["trials"].extras["number"][0] for part in epoch])
        assert sorted(numbers.tolist()) == list(range(6))
    numbers = torch.cat([part[TABLE].extras["number"][0] for part in parts])
    assert numbers.tolist() == list(range(12))
    # Rows stay with their trial: actions of trial n are those of trial n.
    part = parts[0]["trials"]
    n = part.extras["number"][0]
    assert torch.equal(part.action, batch["trials"].action[:, n])
    assert torch.equal(part.observation["state"], batch["trials"].observation["state"][:, n])


def test_the_rl_gradient_reaches_the_encoder_or_not():
    for gradient, reaches in (("through", True), ("detached", False)):
        agent = build(replace(SMALL, rl_gradient=gradient, model_weight=0.0))
        part = next(iter(agent.minibatches(batch_for(agent))))
        losses, _ = agent.losses(part)
        assert bool(gradient_of(losses["policy"], agent.belief).abs().sum() > 0) == reaches
        assert bool(gradient_of(losses["value"], agent.belief).abs().sum() > 0) == reaches
        assert bool(gradient_of(losses["belief"], agent.belief).abs().sum() > 0) == reaches


def test_the_beliefs_loss_is_the_rl_loss_and_lambda_times_the_models():
    agent = build(replace(SMALL, model_weight=3.0, value_cost=0.25))
    part = next(iter(agent.minibatches(batch_for(agent))))
    told = dict(zip(part, agent.belief.unroll(*part.values()), strict=True))
    torch.manual_seed(1)
    losses, _ = agent.losses(part)
    torch.manual_seed(1)
    model_loss, _ = agent.model.loss(told, part)
    expected = losses["policy"] + 0.25 * losses["value"] + 3.0 * model_loss
    torch.testing.assert_close(losses["belief"], expected)
    assert gradient_of(losses["policy"], agent.model).abs().sum() == 0
    assert gradient_of(losses["policy"], agent.value).abs().sum() == 0
    assert gradient_of(losses["value"], agent.policy).abs().sum() == 0


def test_rl2_and_the_oracle_have_no_buffer_and_the_oracle_no_encoder():
    assert set(SMALL.schema(GRID, (0,)).draws) == {"trials", TABLE}
    assert set(RL2.schema(GRID, (0,)).draws) == set(ORACLE.schema(GRID, (0,)).draws) == {"trials"}
    assert set(build(RL2).parameter_groups()) == {"policy", "value", "belief"}
    assert set(build(ORACLE).parameter_groups()) == {"policy", "value"}


def test_padding_changes_nothing():
    """Rows after a trial's end may hold anything."""
    agent = build(SMALL)
    results = []
    for junk in (0.0, 7.0):
        batch = batch_for(agent)
        for rows in batch.values():
            past = torch.cat([torch.zeros_like(rows.is_first[:1]), rows.is_first[1:]])
            rows.reward[past] = junk
            rows.observation["state"][past] = junk
        torch.manual_seed(2)
        part = next(iter(agent.minibatches(batch)))
        losses, _ = agent.losses(part)
        results.append(torch.stack(list(losses.values())))
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("spec", [GRID, PLANE], ids=["discrete", "continuous"])
def test_without_exploration_the_likeliest_action_and_the_stored_log_probability(spec):
    agent = build(SMALL, spec)
    rows = random_trials(spec, 0)
    acting = agent.act(timestep(rows, 0), agent.initial_state(6), explore=False)
    told, _ = agent.belief.step(timestep(rows, 0), agent.initial_state(6))
    policy = agent.policy(timestep(rows, 0).observation, told)
    torch.testing.assert_close(acting.action, policy.mode())
    drawn = agent.act(
        timestep(rows, 0), agent.initial_state(6), True, torch.Generator().manual_seed(0)
    )
    torch.testing.assert_close(drawn.extras["log_prob"], policy.log_prob(drawn.action))


def test_weights_that_were_published_act_the_same():
    trained, actor = build(SMALL), SMALL.build(GRID)
    actor.load_acting_weights(trained.acting_weights())
    rows = random_trials(GRID, 0)
    results = []
    for agent in (trained, actor):
        state, generator = agent.initial_state(6), torch.Generator().manual_seed(0)
        for t in range(4):
            acting = agent.act(timestep(rows, t), state, True, generator)
            state = acting.state
        results.append(acting)
    torch.testing.assert_close(results[0].extras, results[1].extras)
    torch.testing.assert_close(results[0].state, results[1].state)


def test_ppo_clips_and_on_policy_has_the_gradient_of_a2c():
    advantage = torch.tensor([1.0, 1.0, -1.0, -1.0, 2.0])
    acted = torch.zeros(5)
    log_prob = torch.log(torch.tensor([1.5, 0.5, 1.5, 0.5, 1.0])).requires_grad_()
    loss = PPO(clip=0.2).policy_loss(log_prob, acted, advantage)
    torch.testing.assert_close(loss.detach(), torch.tensor([-1.2, -0.5, 1.5, 0.8, -2.0]))
    (gradient,) = torch.autograd.grad(loss.sum(), log_prob)
    # Where the clip holds there is none; at a ratio of 1 it is A2C's.
    torch.testing.assert_close(gradient, torch.tensor([0.0, -0.5, 1.5, 0.0, -2.0]))
    (of_a2c,) = torch.autograd.grad(A2C().policy_loss(log_prob, acted, advantage).sum(), log_prob)
    torch.testing.assert_close(of_a2c, -advantage)


def test_a_gradient_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="rl_gradient is one of"):
        VATEConfig(rl_gradient="half")
