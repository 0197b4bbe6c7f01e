"""DSE-SAC against the paper's formulas, one task and one network at a time."""

from __future__ import annotations

import copy
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
from skill_train.skill_agents.agent import ContinuousAction, EnvironmentSpec, Timestep
from skill_train.skill_agents.dse.embeddings import (
    DisentangledConfig,
    NoEmbeddingConfig,
    SingleEmbeddingConfig,
)
from skill_train.skill_agents.dse.sac import DSESAC, DSESACConfig
from skill_train.skill_agents.dse.sac_parts import IndependentSACPoliciesConfig, TwoTowersConfig
from skill_train.skill_agents.nets.squashed_gaussian import SquashedGaussian
from tests.skill_agents.grid import GRID, TASKS, gradient_size

ARM = EnvironmentSpec({"state": ArraySpec((3,))}, ContinuousAction((-1.0,) * 2, (1.0,) * 2), 6, 3)
CONFIG = DSESACConfig(
    policy=TwoTowersConfig(tower=4, hidden=5),
    embedding=DisentangledConfig(dynamics_size=2, goal_size=1, alpha_dynamics=3.0, alpha_goal=7.0),
    critic_sizes=(6, 5),
    gamma=0.9,
    alpha_policy=2.0,
)
AGENTS = {
    "dse": CONFIG,
    "single": replace(CONFIG, embedding=SingleEmbeddingConfig(size=3, alpha=5.0)),
    "independent": replace(
        CONFIG,
        embedding=NoEmbeddingConfig(),
        policy=IndependentSACPoliciesConfig(hidden=(4, 5)),
    ),
}


def build(config: DSESACConfig) -> DSESAC:
    """In float64, with a target that differs from V."""
    torch.manual_seed(0)
    agent = config.build(ARM).double()
    with torch.no_grad():
        for parameter in agent.target_value.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return agent


def transitions(seed: int = 0, batch: int = 5) -> Step:
    """Rows ``[2, N, B]``; a third of the transitions terminate."""
    rng = np.random.default_rng(seed)
    shape = (2, len(TASKS), batch)

    def drawn(*more: int) -> Tensor:
        return torch.from_numpy(rng.normal(size=(*shape, *more)))

    return Step(
        observation={"state": drawn(3)},
        action=torch.tanh(drawn(2)),
        reward=drawn(),
        discount=torch.from_numpy((rng.random(shape) < 0.67).astype(np.float64)),
        is_first=torch.zeros(shape, dtype=torch.bool),
        task=torch.tensor(TASKS, dtype=torch.int32)[:, None].expand(shape),
        policy_version=torch.zeros(shape, dtype=torch.int64),
        extras={},
    )


def losses(agent: DSESAC, rows: Step) -> dict[str, Tensor]:
    torch.manual_seed(7)
    return dict(agent.losses({"transitions": rows})[0])


def critic(nets, n: int, inputs: Tensor) -> float:
    """Network ``n`` of a stack, by hand."""
    *hidden, last = nets.nets.layers
    for layer in hidden:
        inputs = (inputs @ layer.weight[n] + layer.bias[n, 0]).relu()
    return float(inputs @ last.weight[n] + last.bias[n, 0])


def slow_losses(agent: DSESAC, rows: Step) -> dict[str, float]:
    """Section 5.2 for one transition after the other; noise in the order of `DSESAC.losses`."""
    c, batch = agent.config, rows.reward.shape[2]
    torch.manual_seed(7)
    noise = torch.randn(len(TASKS), batch, agent.embedding.size, dtype=torch.float64)
    action_noise = torch.randn(len(TASKS), batch, 2, dtype=torch.float64)
    kappa, q_loss, value_loss = [], 0.0, 0.0
    for n, task in enumerate(TASKS):
        index = torch.tensor([task])
        drawn = []
        for b in range(batch):
            s, s_next = rows.observation["state"][0, n, b], rows.observation["state"][1, n, b]
            latent = agent.embedding(index, noise[n, b].reshape(1, 1, -1))
            policy = agent.policy({"state": s.reshape(1, 1, 3)}, index, latent)
            mean, std = policy.mean.flatten(), policy.log_std.exp().flatten()
            a = torch.tanh(mean + std * action_noise[n, b])
            squashed = TransformedDistribution(Normal(mean, std), [TanhTransform()])
            log_pi = float(squashed.log_prob(a).sum())
            pair = torch.cat([s, a])
            q_min = min(critic(agent.q, task, pair), critic(agent.q, task + 6, pair))
            drawn.append(q_min - log_pi / c.alpha_policy)
            target = drawn[-1] - slow_information(agent, task, latent.flatten())
            value_loss += (target - critic(agent.value, task, s)) ** 2 / batch
            bootstrap = critic(agent.target_value, task, s_next)
            target = float(rows.reward[0, n, b])
            target += c.gamma * float(rows.discount[0, n, b]) * bootstrap
            pair = torch.cat([s, rows.action[0, n, b]])
            for network in (task, task + 6):
                q_loss += (target - critic(agent.q, network, pair)) ** 2 / batch
        kappa.append(float(np.mean(drawn)))
    objective = -float(np.mean(kappa))
    for name, (index_of, alpha) in axes(agent).items():
        indices = [index_of(task) for task in TASKS]
        for index, kl in enumerate(agent.embedding.groups()[name].divergence()):
            objective += max(indices.count(index), 1) * float(kl) / (alpha * len(TASKS))
    shared = dict.fromkeys(["policy", *agent.embedding.groups()], objective)
    return shared | {"q": q_loss, "value": value_loss}


@pytest.mark.parametrize("name", ["dse", "single"])
def test_embeddings_take_the_gradient_of_eq_4_but_for_a_factor(name):
    """Eq. 4 of an index is KL - alpha times the mean of kappa over its tasks."""
    agent, rows = build(AGENTS[name]), transitions()
    objective = losses(agent, rows)["policy"]
    kappa = drawn_kappa(agent, rows)
    for part_name, (index_of, alpha) in axes(agent).items():
        part = agent.embedding.groups()[part_name]
        (ours,) = torch.autograd.grad(objective, part.mean, retain_graph=True)
        for index in {index_of(task) for task in TASKS}:
            of = torch.tensor([index_of(task) == index for task in TASKS])
            eq_4 = part.divergence()[index] - alpha * kappa[of].mean()
            (theirs,) = torch.autograd.grad(eq_4, part.mean, retain_graph=True)
            factor = int(of.sum()) / (alpha * len(TASKS))
            torch.testing.assert_close(ours[index], factor * theirs[index])


def drawn_kappa(agent: DSESAC, rows: Step) -> Tensor:
    """kappa_ij ``[N]`` with a gradient; noise in the order of `DSESAC.losses`."""
    torch.manual_seed(7)
    numbers = (len(TASKS), rows.reward.shape[2])
    noise = torch.randn(*numbers, agent.embedding.size, dtype=torch.float64)
    action_noise = torch.randn(*numbers, 2, dtype=torch.float64)
    task, state = torch.tensor(TASKS), rows.observation["state"][0]
    policy = agent.policy({"state": state}, task, agent.embedding(task, noise))
    action, log_prob = policy.reparameterize(action_noise)
    smaller = agent.q({"state": state}, task, action).amin(0)
    return (smaller - log_prob / agent.config.alpha_policy).mean(-1)


def axes(agent: DSESAC) -> dict:
    """Name of a part -> (task to index, alpha)."""
    known = {
        "dynamics": (lambda task: task // 3, 3.0),
        "goal": (lambda task: task % 3, 7.0),
        "task_embedding": (lambda task: task, 5.0),
    }
    return {name: known[name] for name in agent.embedding.groups()}


def slow_information(agent: DSESAC, task: int, latent: Tensor) -> float:
    total, start = 0.0, 0
    for name, (index_of, alpha) in axes(agent).items():
        part = agent.embedding.groups()[name]
        mean, std = part.mean[index_of(task)], part.log_std[index_of(task)].exp()
        x = latent[start : start + part.size]
        total += float((Normal(mean, std).log_prob(x) - Normal(0.0, 1.0).log_prob(x)).sum()) / alpha
        start += part.size
    return total


@pytest.mark.parametrize("name", AGENTS)
def test_losses_are_the_papers(name):
    agent, rows = build(AGENTS[name]), transitions()
    with torch.no_grad():
        slow = slow_losses(agent, rows)
        found = {k: float(v) for k, v in losses(agent, rows).items()}
    assert found == pytest.approx(slow, rel=1e-6)


def test_what_reaches_what():
    """Targets are constants: nothing but its own critic's error moves a critic."""
    agent, rows = build(CONFIG), transitions()
    found = losses(agent, rows)
    assert found.keys() == agent.parameter_groups().keys()
    for name, part in (
        ("policy", agent.policy),
        ("q", agent.q),
        ("value", agent.value),
        ("dynamics", agent.embedding.dynamics),
        ("goal", agent.embedding.goal),
    ):
        assert gradient_size(found[name], part) > 0
    for loss in ("q", "value"):
        for part in (agent.policy, agent.embedding):
            assert gradient_size(found[loss], part) == 0
    assert gradient_size(found["q"], agent.value) == gradient_size(found["value"], agent.q) == 0


def test_an_update_leaves_the_critics_of_held_out_tasks_alone():
    agent = build(CONFIG)
    before = copy.deepcopy(agent)
    Learner(agent).update({"transitions": transitions()})
    for ours, old in ((agent.q, before.q), (agent.value, before.value)):
        weight, was = ours.nets.layers[0].weight.detach(), old.nets.layers[0].weight.detach()
        moved = (weight != was).flatten(1).any(1).nonzero().flatten().tolist()
        assert moved == [n for n in range(len(weight)) if n % 6 in TASKS]
    target, was, value = (
        x.nets.layers[0].weight.detach()
        for x in (agent.target_value, before.target_value, agent.value)
    )
    torch.testing.assert_close(target, 0.99 * was + 0.01 * value)


def test_the_log_density_of_a_squashed_gaussian_is_finite_and_right():
    mean, log_std = torch.tensor([0.3, -1.0]).double(), torch.tensor([-0.5, 0.2]).double()
    action, log_prob = SquashedGaussian(mean, log_std).reparameterize(torch.tensor([0.4, -0.9]))
    exact = TransformedDistribution(Normal(mean, log_std.exp()), [TanhTransform()])
    assert log_prob.item() == pytest.approx(exact.log_prob(action).sum().item())
    far, log_prob = SquashedGaussian(mean + 40.0, log_std).reparameterize(torch.zeros(2))
    assert far.tolist() == [1.0, 1.0] and math.isfinite(log_prob.item())


def test_acting_explores_by_latent_and_action_and_otherwise_by_means():
    agent = CONFIG.build(ARM)
    nothing = torch.zeros(3)
    timestep = Timestep(
        {"state": torch.randn(3, 3)}, nothing, nothing.bool(), torch.tensor([0, 5, 5])
    )
    still = agent.act(timestep, {}, False).action
    assert torch.equal(still, agent.act(timestep, {}, False).action)
    first = agent.act(timestep, {}, True, torch.Generator().manual_seed(0)).action
    again = agent.act(timestep, {}, True, torch.Generator().manual_seed(0)).action
    assert torch.equal(first, again) and not torch.equal(first, still)
    assert first.shape == (3, 2) and first.abs().max() <= 1.0


def test_actions_fill_the_tasks_bounds_and_critics_see_them_shrunk():
    bounds = ContinuousAction((-2.0, 0.0), (2.0, 1.0))
    torch.manual_seed(0)
    wide, unit = (CONFIG.build(replace(ARM, action=a)).double() for a in (bounds, ARM.action))
    wide.load_state_dict(unit.state_dict())
    middle, reach, rows = torch.tensor([0.0, 0.5]), torch.tensor([2.0, 0.5]), transitions()
    stretched = rows._replace(action=middle + rows.action * reach)
    found, expected = losses(wide, stretched), losses(unit, rows)
    for name, loss in expected.items():
        torch.testing.assert_close(found[name], loss)
    nothing = torch.zeros(20)
    timestep = Timestep({"state": torch.randn(20, 3)}, nothing, nothing.bool(), nothing.long())
    ours, theirs = (agent.float().act(timestep, {}, False).action for agent in (wide, unit))
    torch.testing.assert_close(ours, middle + theirs * reach)


def test_discrete_actions_are_refused():
    with pytest.raises(ValueError, match="needs continuous actions"):
        CONFIG.build(GRID)
