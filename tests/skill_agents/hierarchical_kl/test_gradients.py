"""Which loss reaches which parameters, for both agents of the paper."""

from __future__ import annotations

import copy

import pytest
import torch

from skill_train.learners.learner import Learner
from skill_train.skill_agents.hierarchical_kl.defaults import SeparateLowLevel
from skill_train.skill_agents.hierarchical_kl.priors import Isotropic, LearnedARConfig
from skill_train.skill_agents.nets.gaussian import Gaussian
from tests.skill_agents.hierarchical_kl.unrolls import (
    DRIVEN,
    STEPPED,
    losses,
    random_unrolls,
    svg0,
    vtrace_agent,
)

LEARNED = SeparateLowLevel(LearnedARConfig(sizes=(8,)))
AGENTS = {"svg0": (svg0, DRIVEN), "vtrace": (vtrace_agent, STEPPED)}
GROUPS = ("policy", "critic", "default_policy")


def flat(module: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def gradient_size(loss: torch.Tensor, module: torch.nn.Module) -> float:
    parameters = [p for p in module.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    return sum(float(g.abs().sum()) for g in gradients if g is not None)


def parts(agent) -> dict[str, torch.nn.Module]:
    return {"policy": agent.policy, "critic": agent.critic, "default_policy": agent.default_policy}


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("name", AGENTS)
def test_through_the_learner_a_loss_moves_its_own_group_only(name, group, monkeypatch):
    make, spec = AGENTS[name]
    agent = make(default=LEARNED)
    before = copy.deepcopy(agent)
    whole = agent.losses

    def only_one(batch):
        every, metrics = whole(batch)
        return {k: v * float(k == group) for k, v in every.items()}, metrics

    monkeypatch.setattr(agent, "losses", only_one)
    Learner(agent).update({"unrolls": random_unrolls(0, spec, steps=4).rows})
    for other, module in parts(agent).items():
        moved = not torch.equal(flat(module), flat(parts(before)[other]))
        assert moved == (other == group), other
    for target in ("target_critic", "target_default_policy"):
        if hasattr(agent, target):
            assert torch.equal(flat(getattr(agent, target)), flat(getattr(before, target)))


@pytest.mark.parametrize("name", AGENTS)
def test_regressions_stop_at_what_they_regress_to(name):
    """The critic does not shape the policy, and distilling pi into pi0 does not change pi."""
    make, spec = AGENTS[name]
    agent = make(default=LEARNED)
    result = losses(agent, random_unrolls(0, spec).rows)
    assert gradient_size(result["critic"], agent.policy) == 0
    assert gradient_size(result["critic"], agent.default_policy) == 0
    assert gradient_size(result["default_policy"], agent.policy) == 0
    assert gradient_size(result["policy"], agent.critic) == 0
    for own, module in parts(agent).items():
        assert gradient_size(result[own], module) > 0


def test_svg0_policy_meets_the_target_copies_only():
    agent = svg0(default=LEARNED)
    result = losses(agent, random_unrolls(0, DRIVEN).rows)
    assert gradient_size(result["policy"], agent.default_policy) == 0
    for target in (agent.target_critic, agent.target_default_policy):
        assert not any(p.requires_grad for p in target.parameters())


class OnlyLatent(torch.nn.Module):
    """A critic that sees nothing but z."""

    def forward(self, observation, latent, action):
        return latent.sum(-1) + 0.0 * action.sum(-1)


class OnlyAction(torch.nn.Module):
    """A critic that sees nothing but a."""

    def forward(self, observation, latent, action):
        return action.sum(-1)


@pytest.mark.parametrize(("critic", "reaches"), [(OnlyLatent(), False), (OnlyAction(), True)])
def test_svg0_values_reach_the_high_level_through_the_action_and_not_through_qs_latent(
    critic, reaches
):
    agent = svg0(kl_cost=0.0, entropy_cost=0.0)
    agent.target_critic = critic
    result = losses(agent, random_unrolls(0, DRIVEN).rows)
    assert (gradient_size(result["policy"], agent.policy.high) > 0) == reaches
    assert (gradient_size(result["policy"], agent.policy.low) > 0) == reaches


class StdPerRow(torch.nn.Module):
    """A high level whose standard deviation at each row is a parameter of its own."""

    def __init__(self, shape: torch.Size) -> None:
        super().__init__()
        self.std = torch.nn.Parameter(torch.full((*shape, 3), 0.5, dtype=torch.float64))

    def forward(self, observation):
        return Gaussian(torch.zeros_like(self.std), self.std)


def test_the_kl_of_context_and_bootstrap_rows_is_not_in_the_policy_loss():
    agent = svg0(kl_cost=1.0, entropy_cost=0.0)
    agent.target_critic = OnlyLatent()
    rows = random_unrolls(1, DRIVEN).rows

    agent.policy.high = StdPerRow(rows.reward.shape)
    agent.target_default_policy.high.prior = Isotropic()
    gradient = torch.autograd.grad(losses(agent, rows)["policy"], agent.policy.high.std)[0]
    learned = torch.zeros_like(rows.is_first)
    learned[1:-1] = ~rows.is_first[2:]
    assert torch.equal((gradient != 0).all(-1), learned)
    assert torch.equal((gradient != 0).any(-1), learned)


@pytest.mark.parametrize("period", [1, 4])
def test_targets_are_copied_every_n_updates(period):
    agent = svg0(default=LEARNED, target_update_period=period)
    pairs = [
        (agent.critic, agent.target_critic),
        (agent.default_policy, agent.target_default_policy),
    ]
    for step in range(1, period):
        agent.after_step(step)
        assert not any(torch.equal(flat(ours), flat(target)) for ours, target in pairs)
    agent.after_step(period)
    assert all(torch.equal(flat(ours), flat(target)) for ours, target in pairs)


def test_a_separate_low_level_is_distilled_from_the_policy():
    agent = svg0(
        default=SeparateLowLevel(LearnedARConfig(sizes=(8,))),
        default_learning_rate=3e-2,
        actor_learning_rate=0.0,
    )
    rows = random_unrolls(2, DRIVEN).rows
    learner = Learner(agent)
    start = float(losses(agent, rows)["default_policy"].detach())
    for _ in range(60):
        learner.update({"unrolls": rows})
    assert float(losses(agent, rows)["default_policy"].detach()) < 0.5 * start


def test_a_group_learns_the_same_whether_the_others_learn_or_not():
    """All gradients are taken at the same parameters, whatever order the groups are in."""
    rows = random_unrolls(0, DRIVEN).rows
    rates = dict(actor_learning_rate=1e-2, critic_learning_rate=1e-2, default_learning_rate=1e-2)
    whole = svg0(default=LEARNED, **rates)
    learners = {"whole": Learner(whole)}
    for name in rates:
        alone = dict.fromkeys(rates, 0.0) | {name: rates[name]}
        learners[name] = Learner(svg0(default=LEARNED, **alone))
    for learner in learners.values():
        torch.manual_seed(3)
        learner.update({"unrolls": rows})
    for name, group in zip(rates, GROUPS, strict=True):
        alone = parts(learners[name].agent)[group]
        assert torch.equal(flat(parts(whole)[group]), flat(alone))
