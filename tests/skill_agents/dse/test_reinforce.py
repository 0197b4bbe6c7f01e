"""DSE-REINFORCE and its baselines against the paper's formulas, one trajectory at a time."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from skill_train.learners.learner import Learner
from skill_train.skill_agents.agent import Timestep
from skill_train.skill_agents.dse.embeddings import (
    DisentangledConfig,
    NoEmbeddingConfig,
    SingleEmbeddingConfig,
)
from skill_train.skill_agents.dse.policies import IndependentPoliciesConfig, SharedPolicyConfig
from skill_train.skill_agents.dse.reinforce import Reinforce, ReinforceConfig
from tests.skill_agents.grid import (
    GAMMA,
    GRID,
    LIMIT,
    TASKS,
    counted_steps,
    gradient_size,
    length_of,
    norms_of_networks,
    random_trials,
    slow_mean_and_std,
    slow_returns,
    slow_score,
)

CONFIG = ReinforceConfig(
    policy=SharedPolicyConfig(hidden=5),
    embedding=DisentangledConfig(dynamics_size=2, goal_size=1, alpha_dynamics=3.0, alpha_goal=7.0),
    gamma=GAMMA,
    alpha_policy=2.0,
    max_length=LIMIT,
)
INDEPENDENT = replace(
    CONFIG, policy=IndependentPoliciesConfig(hidden=5), embedding=NoEmbeddingConfig()
)
AGENTS = {
    "dse": (CONFIG, 3),
    "single": (replace(CONFIG, embedding=SingleEmbeddingConfig(size=3, alpha=5.0)), 3),
    "independent": (INDEPENDENT, 0),
}


def build(config: ReinforceConfig, seed: int = 0) -> Reinforce:
    """In float64, with embeddings that are not the prior."""
    torch.manual_seed(seed)
    agent = config.build(GRID).double()
    with torch.no_grad():
        for parameter in agent.embedding.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return agent


def slow_latent(agent: Reinforce, task: int, noise: np.ndarray) -> np.ndarray:
    """z = mu_i + sigma_i eps, g = mu_j + sigma_j eps; i = task // 3, j = task % 3."""
    parts = {k: v.detach().numpy() for k, v in agent.embedding.named_parameters()}
    if "task.mean" in parts:
        return parts["task.mean"][task] + np.exp(parts["task.log_std"][task]) * noise
    if not parts:
        return noise
    i, j = divmod(task, 3)
    mean = np.concatenate([parts["dynamics.mean"][i], parts["goal.mean"][j]])
    log_std = np.concatenate([parts["dynamics.log_std"][i], parts["goal.log_std"][j]])
    return mean + np.exp(log_std) * noise


def slow_log_prob(agent: Reinforce, task: int, state, latent, action: int) -> float:
    if len(latent):
        products = [s * x for s in state for x in latent]
        inputs = np.concatenate([state, latent, products])
        first, last = agent.policy.hidden, agent.policy.head.linear
        w1, b1 = first.weight.detach().numpy(), first.bias.detach().numpy()
        w2, b2 = last.weight.detach().numpy(), last.bias.detach().numpy()
    else:
        inputs, layers = state, agent.policy.nets.layers
        (w1, b1), (w2, b2) = (
            (x.weight[task].detach().numpy().T, x.bias[task, 0].detach().numpy()) for x in layers
        )
    logits = w2 @ np.tanh(w1 @ inputs + b1) + b2
    return float(logits[action] - math.log(np.exp(logits).sum()))


def slow_cost(agent: Reinforce) -> float:
    """C times the weighted KL terms, summed component by component."""

    def kl(name: str) -> float:
        parts = {k: v.detach().numpy() for k, v in agent.embedding.named_parameters()}
        mean, log_std = parts[f"{name}.mean"], parts[f"{name}.log_std"]
        each = 0.5 * (np.exp(2 * log_std) + mean**2 - 1.0) - log_std
        return float(each.sum(1).mean())

    discounts = sum(GAMMA**t for t in range(LIMIT - 1))
    if hasattr(agent.embedding, "dynamics"):
        return discounts * (kl("dynamics") / 3.0 + kl("goal") / 7.0)
    return discounts * kl("task") / 5.0


def slow_losses(agent: Reinforce, rows) -> dict[str, float]:
    scores = []
    for n, task in enumerate(TASKS):
        played = []
        for b in range(rows.reward.shape[2]):
            length = length_of(rows, n, b)
            noise, state = rows.extras["noise"][:, n, b], rows.observation["state"][:, n, b]
            log_probs = [
                slow_log_prob(
                    agent,
                    task,
                    state[t].numpy(),
                    slow_latent(agent, task, noise[t].numpy()),
                    int(rows.action[t, n, b]),
                )
                for t in range(length)
            ]
            reward = [float(rows.reward[t, n, b]) - log_probs[t] / 2.0 for t in range(length)]
            value = slow_returns(reward, rows, n, b)
            steps = counted_steps(rows, n, b)
            log_mu = rows.extras["log_prob"][:, n, b].tolist()
            played.append([(value[t], log_probs[t], log_mu[t]) for t in steps])
        mean, std = slow_mean_and_std([value for one in played for value, *_ in one])
        scores += [sum(slow_score((v - mean) / std, *logs) for v, *logs in one) for one in played]
    score = float(np.mean(scores))
    losses = {"policy": -score}
    if list(agent.embedding.parameters()):
        losses["embedding"] = -score + slow_cost(agent)
    return losses


@pytest.mark.parametrize("name", AGENTS)
def test_losses_are_the_papers(name):
    config, noise_size = AGENTS[name]
    agent, rows = build(config), random_trials(1, noise_size)
    losses, _ = agent.losses({"trials": rows})
    found = {k: float(v.detach()) for k, v in losses.items()}
    assert found == pytest.approx(slow_losses(agent, rows), rel=1e-6)


def test_padding_and_steps_that_do_not_count_make_no_difference():
    """Beyond the length nothing is read; beyond L - H of a cut episode only rewards are."""
    agent, rows = build(CONFIG), random_trials(2, 3)
    before = {k: float(v.detach()) for k, v in agent.losses({"trials": rows})[0].items()}
    for n in range(len(TASKS)):
        for b in range(rows.reward.shape[2]):
            length = length_of(rows, n, b)
            rows.reward[length:, n, b] = 1e3
            rows.observation["state"][length:, n, b] = torch.nan
            rows.extras["noise"][length:, n, b] = torch.nan
            rows.extras["log_prob"][length:, n, b] = torch.nan
    agent = build(CONFIG)
    after = {k: float(v.detach()) for k, v in agent.losses({"trials": rows})[0].items()}
    assert after == pytest.approx(before)


@pytest.mark.parametrize("name", AGENTS)
def test_an_update_moves_what_the_batch_is_about(name):
    """theta, and the embeddings of the dynamics and goals that were played."""
    config, noise_size = AGENTS[name]
    agent = build(config)
    before = {k: v.detach().clone() for k, v in agent.named_parameters()}
    Learner(agent).update({"trials": random_trials(3, noise_size)})
    moved = {k: (v.detach() != before[k]).any() for k, v in agent.named_parameters()}
    assert all(moved.values())
    if name == "independent":
        first = agent.policy.nets.layers[0].weight.detach()
        changed = (first != before["policy.nets.layers.0.weight"]).flatten(1).any(1)
        assert tuple(np.flatnonzero(changed)) == TASKS, "held-out tasks learn nothing"


def test_independent_policies_are_clipped_one_by_one():
    """A task that fails slows no other: what lies below the bound stays as it is."""
    rows, networks = random_trials(1, 0), {}
    for bound in (None, 0.3):
        agent = build(replace(INDEPENDENT, max_grad_norm=bound))
        Learner(agent).update({"trials": rows})
        networks[bound] = norms_of_networks(agent, "policy")
    free, clipped = networks[None], networks[0.3]
    trained = free[list(TASKS)]
    assert trained.min() < 0.3 < trained.max()
    torch.testing.assert_close(clipped, free.clamp(max=0.3), rtol=1e-3, atol=1e-6)


def test_the_gradient_of_an_index_comes_from_its_own_tasks():
    agent, rows = build(replace(CONFIG, embedding=replace(CONFIG.embedding))), random_trials(4, 3)
    rows.reward[:, 2:] = 0.0
    losses, _ = agent.losses({"trials": rows})
    score = losses["embedding"] - losses["embedding"].detach()
    assert gradient_size(score, agent.embedding) > 0
    # Task 4 = (1, 1) is the only one with goal 1; take it out of the batch.
    keep = [0, 1, 3]
    some = rows._replace(
        **{
            name: {k: v[:, keep] for k, v in leaf.items()}
            if isinstance(leaf, dict)
            else leaf[:, keep]
            for name, leaf in rows._asdict().items()
        }
    )
    agent = build(CONFIG)
    losses, _ = agent.losses({"trials": some})
    (gradient,) = torch.autograd.grad(-losses["policy"], [agent.embedding.goal.mean])
    assert (gradient.abs().sum(1) > 0).tolist() == [True, False, True]


def test_the_score_is_an_unbiased_gradient_estimate():
    """One step, two actions, r(a): the mean over actions and noise is the derivative of E[r]."""
    torch.manual_seed(0)
    config = replace(CONFIG, alpha_policy=math.inf, gamma=0.0, max_length=1)
    agent = config.build(GRID).double()
    reward = torch.tensor([1.0, -2.0]).double()
    state = torch.randn(3).double()
    task, draws = torch.tensor([4]), 20_000
    noise = torch.randn(1, draws, 3).double()
    observation = {"state": state.expand(1, draws, 3)}

    policy = agent.policy(observation, task, agent.embedding(task, noise))
    expected = (policy.log_probs.exp() * reward).sum(-1).mean()
    exact = torch.autograd.grad(expected, list(agent.parameters()), allow_unused=True)

    with torch.no_grad():
        action = policy.sample()
    policy = agent.policy(observation, task, agent.embedding(task, noise))
    score = (reward[action] * policy.log_prob(action)).mean()
    estimate = torch.autograd.grad(score, list(agent.parameters()), allow_unused=True)
    for ours, theirs in zip(estimate, exact, strict=True):
        if theirs is not None:
            torch.testing.assert_close(ours, theirs, atol=0.03, rtol=0.1)


def observe(tasks: tuple[int, ...]) -> Timestep:
    size = len(tasks)
    state = torch.linspace(-1.0, 1.0, 3).expand(size, 3)
    nothing = torch.zeros(size)
    return Timestep({"state": state}, nothing, nothing.bool(), torch.tensor(tasks))


@pytest.mark.parametrize("name", AGENTS)
def test_acting_stores_the_noise_that_it_used(name):
    config, noise_size = AGENTS[name]
    torch.manual_seed(0)
    agent = config.build(GRID)
    agent.double()
    timestep = observe((0, 5, 5, 2))
    timestep = timestep._replace(observation={"state": timestep.observation["state"].double()})
    acting = agent.act(timestep, {}, True, torch.Generator().manual_seed(1))
    noise, log_prob = acting.extras["noise"], acting.extras["log_prob"]
    assert noise.shape == (4, noise_size) and acting.action.shape == log_prob.shape == (4,)
    for slot, task in enumerate((0, 5, 5, 2)):
        latent = slow_latent(agent, task, noise[slot].detach().numpy())
        state, action = timestep.observation["state"][slot].numpy(), int(acting.action[slot])
        expected = slow_log_prob(agent, task, state, latent, action)
        assert log_prob[slot].item() == pytest.approx(expected, abs=1e-6)
    again = agent.act(timestep, {}, True, torch.Generator().manual_seed(1))
    assert torch.equal(noise, again.extras["noise"]) and torch.equal(acting.action, again.action)
    still = agent.act(timestep, {}, False, torch.Generator().manual_seed(1))
    assert not still.extras["noise"].any()


def test_evaluated_it_draws_actions_at_the_mean_latents():
    agent = build(CONFIG)
    timestep = observe((4,) * 4000)
    state = timestep.observation["state"].double()
    timestep = timestep._replace(observation={"state": state})
    acting = agent.act(timestep, {}, False, torch.Generator().manual_seed(0))
    latent = slow_latent(agent, 4, np.zeros(3))
    probability = math.exp(slow_log_prob(agent, 4, state[0].numpy(), latent, 1))
    assert acting.action.float().mean().item() == pytest.approx(probability, abs=0.03)


def test_actions_follow_the_policy_with_latents_drawn_afresh():
    torch.manual_seed(0)
    agent = CONFIG.build(GRID)
    timestep = observe((4,) * 4000)
    acting = agent.act(timestep, {}, True, torch.Generator().manual_seed(0))
    assert acting.extras["noise"].mean(0).abs().max() < 0.06
    assert (acting.extras["noise"].std(0) - 1.0).abs().max() < 0.05
    latent = agent.embedding(timestep.task, acting.extras["noise"].unsqueeze(1))
    observation = {"state": timestep.observation["state"].unsqueeze(1)}
    probability = agent.policy(observation, timestep.task, latent).log_probs.exp().mean((0, 1))
    assert acting.action.float().mean().item() == pytest.approx(probability[1].item(), abs=0.03)


def test_saved_and_loaded_it_acts_the_same():
    agent, other = build(CONFIG), build(CONFIG, seed=1)
    timestep = observe((0, 1, 5))
    timestep = timestep._replace(observation={"state": timestep.observation["state"].double()})
    other.load_acting_weights(agent.acting_weights())
    seeds = [torch.Generator().manual_seed(3) for _ in range(2)]
    ours, theirs = (
        a.act(timestep, {}, True, s) for a, s in zip((agent, other), seeds, strict=True)
    )
    assert torch.equal(ours.action, theirs.action)


def test_statistics_of_returns_are_kept_for_each_task():
    agent, rows = build(CONFIG), random_trials(5, 3)
    rows = rows._replace(reward=rows.reward * torch.tensor([1.0, 10.0, 100.0, 1e3])[:, None])
    agent.losses({"trials": rows})
    std = agent.scale.moments(torch.tensor(TASKS)).std()
    assert (std[1:] / std[:-1] > 3.0).all()
    assert agent.scale.updates.tolist() == [1.0, 0.0, 1.0, 0.0, 1.0, 1.0]
    assert "scale.mean" in agent.state_dict(), "a resumed run goes on with them"
