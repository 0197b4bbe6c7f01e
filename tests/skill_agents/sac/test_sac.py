"""SAC against the paper's formulas, one transition and one network at a time."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, TransformedDistribution
from torch.distributions.transforms import TanhTransform

from skill_train.learners.learner import Learner
from skill_train.replay.step import ArraySpec, Step
from skill_train.skill_agents.agent import (
    ContinuousAction,
    DiscreteAction,
    EnvironmentSpec,
    Timestep,
)
from skill_train.skill_agents.sac.agent import SAC, SACConfig
from skill_train.skill_agents.sac.temperature import FixedTemperature, LearnedTemperature

SPEC = EnvironmentSpec(
    {"state": ArraySpec((3,)), "goal": ArraySpec((2,)), "other": ArraySpec((1,))},
    ContinuousAction((-2.0, 0.0), (2.0, 1.0)),
)
CONFIG = SACConfig(
    groups=("state", "goal"),
    policy_sizes=(6, 5),
    critic_sizes=(7, 4),
    temperature=LearnedTemperature(initial=0.3, nats_per_component=-0.5),
    gamma=0.9,
    target_rate=0.1,
)


def build(config: SACConfig = CONFIG) -> SAC:
    """In float64, with targets that differ from Q."""
    torch.manual_seed(0)
    agent = config.build(SPEC).double()
    with torch.no_grad():
        for parameter in agent.target_q.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return agent


def transitions(batch: int = 6) -> Step:
    """Rows ``[2, 1, B]``; a third of the transitions terminate."""
    rng = np.random.default_rng(0)
    shape = (2, 1, batch)

    def drawn(*more: int) -> Tensor:
        return torch.from_numpy(rng.normal(size=(*shape, *more)))

    action = torch.from_numpy(rng.uniform((-2.0, 0.0), (2.0, 1.0), (*shape, 2)))
    return Step(
        observation={"state": drawn(3), "goal": drawn(2), "other": drawn(1)},
        action=action,
        reward=drawn(),
        discount=torch.from_numpy((rng.random(shape) < 0.67).astype(np.float64)),
        is_first=torch.zeros(shape, dtype=torch.bool),
        task=torch.zeros(shape, dtype=torch.int32),
        policy_version=torch.zeros(shape, dtype=torch.int64),
        extras={},
    )


def losses(agent: SAC, rows: Step) -> dict[str, Tensor]:
    torch.manual_seed(7)
    return dict(agent.losses({"transitions": rows})[0])


def critic(nets, n: int, inputs: Tensor) -> float:
    *hidden, last = nets.nets.layers
    for layer in hidden:
        inputs = (inputs @ layer.weight[n] + layer.bias[n, 0]).relu()
    return float(inputs @ last.weight[n] + last.bias[n, 0])


def drawn(agent: SAC, seen: dict[str, Tensor], noise: Tensor) -> tuple[Tensor, float]:
    rows = {name: array.reshape(1, 1, -1) for name, array in seen.items()}
    policy = agent.policy(rows, torch.zeros(1, dtype=torch.int64))
    mean, std = policy.mean.flatten(), policy.log_std.exp().flatten()
    u = torch.tanh(mean + std * noise)
    squashed = TransformedDistribution(Normal(mean, std), [TanhTransform()])
    return u, float(squashed.log_prob(u).sum())


def slow_losses(agent: SAC, rows: Step, temperature: float) -> dict[str, float]:
    """Eqs. 5 to 9 and 18; noise in the order of `SAC.losses`."""
    batch = rows.reward.shape[2]
    torch.manual_seed(7)
    noise = [torch.randn(batch, 2, dtype=torch.float64) for _ in range(2)]
    found = {"policy": 0.0, "q": 0.0, "temperature": 0.0}
    for b in range(batch):
        now, after = ({k: v[t, 0, b] for k, v in rows.observation.items()} for t in (0, 1))
        s, s_next = (torch.cat([seen["state"], seen["goal"]]) for seen in (now, after))
        u, log_prob = drawn(agent, after, noise[0][b])
        q = [critic(agent.target_q, n, torch.cat([s_next, u])) for n in (0, 1)]
        target = float(rows.reward[0, 0, b])
        target += 0.9 * float(rows.discount[0, 0, b]) * (min(q) - temperature * log_prob)
        done = rows.action[0, 0, b]
        taken = torch.stack([done[0] / 2.0, 2.0 * done[1] - 1.0])
        for n in (0, 1):
            found["q"] += (target - critic(agent.q, n, torch.cat([s, taken]))) ** 2 / batch
        u, log_prob = drawn(agent, now, noise[1][b])
        q = [critic(agent.q, n, torch.cat([s, u])) for n in (0, 1)]
        found["policy"] += (temperature * log_prob - min(q)) / batch
        found["temperature"] += -math.log(temperature) * (log_prob - 0.5 * 2) / batch
    return found


def test_losses_are_the_papers():
    agent, rows = build(), transitions()
    with torch.no_grad():
        slow = slow_losses(agent, rows, 0.3)
        found = {name: float(loss) for name, loss in losses(agent, rows).items()}
    assert found == pytest.approx(slow, rel=1e-5)


def test_a_fixed_temperature_has_no_loss_and_no_parameters():
    agent = build(replace(CONFIG, temperature=FixedTemperature(0.3)))
    found = losses(agent, transitions())
    assert found.keys() == agent.parameter_groups().keys() == {"policy", "q"}
    learned = losses(build(), transitions())
    for name, loss in found.items():
        assert loss.item() == pytest.approx(learned[name].item(), rel=1e-6)


def gradient_size(loss: Tensor, module: torch.nn.Module) -> float:
    gradients = torch.autograd.grad(
        loss, list(module.parameters()), retain_graph=True, allow_unused=True
    )
    return sum(float(g.abs().sum()) for g in gradients if g is not None)


def test_what_reaches_what():
    agent = build()
    found = losses(agent, transitions())
    for name, part in (
        ("policy", agent.policy),
        ("q", agent.q),
        ("temperature", agent.temperature),
    ):
        assert gradient_size(found[name], part) > 0
    assert gradient_size(found["q"], agent.policy) == 0
    for name in ("policy", "q"):
        assert gradient_size(found[name], agent.temperature) == 0
    assert gradient_size(found["temperature"], agent.policy) == 0


@pytest.mark.parametrize(("nats", "grows"), [(10.0, True), (-10.0, False)])
def test_the_temperature_grows_while_entropy_is_below_its_target(nats, grows):
    config = replace(CONFIG, temperature=LearnedTemperature(0.3, nats_per_component=nats))
    agent = build(config)
    Learner(agent).update({"transitions": transitions()})
    assert (float(agent.temperature.value(torch.tensor([0]))) > 0.3) == grows


def test_targets_follow_slowly():
    agent = build()
    was = agent.target_q.nets.layers[0].weight.clone()
    Learner(agent).update({"transitions": transitions()})
    now = agent.q.nets.layers[0].weight.detach()
    torch.testing.assert_close(agent.target_q.nets.layers[0].weight, 0.9 * was + 0.1 * now)


def timestep(batch: int) -> Timestep:
    nothing = torch.zeros(batch)
    observation = {name: torch.randn(batch, *a.shape) for name, a in SPEC.observation.items()}
    return Timestep(observation, nothing, nothing.bool(), nothing.long())


def test_actions_fill_the_tasks_bounds():
    agent = CONFIG.build(SPEC)
    seen = timestep(2000)
    drawn = agent.act(seen, {}, True, torch.Generator().manual_seed(0)).action
    low, high = drawn.amin(0), drawn.amax(0)
    assert (low >= torch.tensor([-2.0, 0.0])).all() and (high <= torch.tensor([2.0, 1.0])).all()
    assert low[0] < -1.8 and high[0] > 1.8 and low[1] < 0.05 and high[1] > 0.95
    again = agent.act(seen, {}, True, torch.Generator().manual_seed(0)).action
    assert torch.equal(drawn, again)
    still = agent.act(seen, {}, False).action
    assert torch.equal(still, agent.act(seen, {}, False).action)
    torch.testing.assert_close(agent.bounds.shrink(agent.bounds.stretch(still)), still)


def test_it_finds_the_best_action_of_a_one_step_task():
    """Reward -(a0 - 1)^2 - 16 (a1 - 0.25)^2, every episode one step."""
    torch.manual_seed(0)
    config = replace(
        CONFIG,
        policy_sizes=(32,),
        critic_sizes=(32, 32),
        temperature=FixedTemperature(0.01),
        policy_learning_rate=3e-3,
        q_learning_rate=3e-3,
    )
    agent = config.build(SPEC)
    learner = Learner(agent)
    best = torch.tensor([1.0, 0.25])
    for _ in range(800):
        action = torch.rand(128, 2) * torch.tensor([4.0, 1.0]) - torch.tensor([2.0, 0.0])
        reward = -((action - best).square() * torch.tensor([1.0, 16.0])).sum(-1)
        zero = torch.zeros(2, 1, 128)
        rows = Step(
            observation={n: torch.zeros(2, 1, 128, *a.shape) for n, a in SPEC.observation.items()},
            action=torch.stack([action, action]).unsqueeze(1),
            reward=torch.stack([reward, reward]).unsqueeze(1),
            discount=zero,
            is_first=zero.bool(),
            task=zero.int(),
            policy_version=zero.long(),
            extras={},
        )
        learner.update({"transitions": rows})
    nothing = {name: torch.zeros(1, *a.shape) for name, a in SPEC.observation.items()}
    found = agent.act(timestep(1)._replace(observation=nothing), {}, False).action
    torch.testing.assert_close(found[0], best, atol=0.2, rtol=0.0)


def test_what_cannot_be_acted_is_refused():
    with pytest.raises(ValueError, match="needs continuous actions"):
        CONFIG.build(replace(SPEC, action=DiscreteAction(2)))
    for bounds in (((-1.0, -math.inf), (1.0, math.inf)), ((0.0, 0.0), (1.0, 0.0))):
        with pytest.raises(ValueError, match="finite bounds"):
            CONFIG.build(replace(SPEC, action=ContinuousAction(*bounds)))
