"""DISTRAL with parameters shared between policy and default policy, appendix F.2."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from skill_train.learners.learner import Learner
from skill_train.skill_agents.agent import Timestep
from skill_train.skill_agents.hierarchical_kl.defaults import FlatDefault
from skill_train.skill_agents.hierarchical_kl.distral import (
    BranchDefault,
    ColumnDefault,
    TwoColumnPolicyConfig,
    TwoColumns,
)
from skill_train.skill_agents.hierarchical_kl.evaluated import TargetCopyConfig
from skill_train.skill_agents.hierarchical_kl.policies import FlatPolicyConfig
from skill_train.skill_agents.nets.categorical import CategoricalHead
from skill_train.skill_agents.nets.gaussian import GaussianHead
from tests.skill_agents.hierarchical_kl.test_gradients import flat, gradient_size
from tests.skill_agents.hierarchical_kl.unrolls import (
    DRIVEN,
    STEPPED,
    losses,
    random_unrolls,
    svg0,
    vtrace_agent,
)

SIZES = dict(sizes=(8,), default_sizes=(6,))
COLUMNS = dict(policy=TwoColumnPolicyConfig(**SIZES), default=ColumnDefault())
BRANCH = dict(policy=FlatPolicyConfig(**SIZES), default=BranchDefault())
VARIANTS = {"2 columns": COLUMNS, "shared prior": BRANCH}
AGENTS = {"svg0": (svg0, DRIVEN), "vtrace": (vtrace_agent, STEPPED)}


class Fixed(torch.nn.Module):
    """A column whose raw outputs are given."""

    def __init__(self, head: torch.nn.Module, *outputs: float) -> None:
        super().__init__()
        self.head = head
        self.outputs = torch.tensor(outputs)

    def raw(self, observation, latent):
        return self.outputs

    def distribution(self, outputs):
        return self.head.distribution(outputs)


def test_two_columns_multiply_probabilities():
    """pi(a) is proportional to pi0(a) exp(f(a)): eq. 8 of Teh et al. with alpha = beta = 1."""
    head = CategoricalHead(1, 3)
    h, f = (0.0, math.log(2.0), math.log(5.0)), (math.log(6.0), 0.0, 0.0)
    pi = TwoColumns(Fixed(head, *h), Fixed(head, *f))({}, torch.zeros(0))
    # weights 1 * 6, 2 * 1, 5 * 1 out of 13
    assert pi.log_probs.exp().tolist() == pytest.approx([6 / 13, 2 / 13, 5 / 13])


def test_two_columns_add_up_before_they_are_squashed():
    head = GaussianHead(1, 1, initial_std=0.7, minimum_std=0.1, tanh_mean=True)
    pi = TwoColumns(Fixed(head, 0.3, -1.0), Fixed(head, 0.2, 1.5))({}, torch.zeros(0))
    assert float(pi.mean) == pytest.approx(math.tanh(0.5))
    # softplus(x + log(e^0.6 - 1)) + 0.1, so that x = 0 gives 0.7
    assert float(pi.std) == pytest.approx(math.log1p(math.exp(0.5) * math.expm1(0.6)) + 0.1)


@pytest.mark.parametrize("name", AGENTS)
def test_where_the_own_column_is_silent_the_policy_is_the_default_policy(name):
    make, spec = AGENTS[name]
    agent = make(**COLUMNS)
    head = agent.policy.low.column.head.linear
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    rows = random_unrolls(0, spec).rows
    d = agent.policy(rows.observation, torch.zeros(*rows.reward.shape, 0), None)
    kl = agent.default_policy.kl(d, rows, None)
    torch.testing.assert_close(kl, torch.zeros_like(kl))


def owned(agent) -> dict[str, list[torch.nn.Module]]:
    """Each loss's networks, written out for both variants."""
    if isinstance(agent.policy.low, TwoColumns):
        mine, default = agent.policy.low.column, agent.policy.low.default
    else:
        mine, default = agent.policy.low, agent.default_policy.low.default.head
    return {"policy": mine, "critic": agent.critic, "default_policy": default}


@pytest.mark.parametrize("group", ["policy", "critic", "default_policy"])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", AGENTS)
def test_through_the_learner_a_loss_moves_its_own_networks_only(name, variant, group, monkeypatch):
    make, spec = AGENTS[name]
    agent = make(**VARIANTS[variant])
    before = copy.deepcopy(agent)
    whole = agent.losses

    def only_one(batch):
        every, metrics = whole(batch)
        return {k: v * float(k == group) for k, v in every.items()}, metrics

    monkeypatch.setattr(agent, "losses", only_one)
    Learner(agent).update({"unrolls": random_unrolls(0, spec, steps=4).rows})
    for other, module in owned(agent).items():
        moved = not torch.equal(flat(module), flat(owned(before)[other]))
        assert moved == (other == group), other
    learned = sum(len(g.parameters) for g in agent.parameter_groups().values())
    targets = [p for p in agent.parameters() if not p.requires_grad]
    assert learned + len(targets) == len(list(agent.parameters())), "each has one owner"


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_shared_is_a_constant_to_the_other_loss(variant):
    agent = svg0(**VARIANTS[variant])
    result = losses(agent, random_unrolls(0, DRIVEN).rows)
    networks = owned(agent)
    for own in ("policy", "default_policy"):
        for loss in ("policy", "default_policy"):
            assert (gradient_size(result[loss], networks[own]) > 0) == (own == loss)


@pytest.mark.parametrize(("variant", "blind"), [("2 columns", True), ("shared prior", False)])
def test_who_sees_the_task(variant, blind):
    """F.2: the reused column has no access to the task; the shared prior hides nothing."""
    agent = svg0(**VARIANTS[variant])
    default = agent.default_policy.low.default
    observation = {k: torch.ones(*v.shape).double() for k, v in DRIVEN.observation.items()}
    other = {**observation, "task": -observation["task"]}
    latent = torch.zeros(0).double()
    assert torch.equal(default(observation, latent).mean, default(other, latent).mean) == blind
    low = agent.policy.low
    assert not torch.equal(low(observation, latent).mean, low(other, latent).mean)


@pytest.mark.parametrize("variant", VARIANTS)
def test_targets_of_a_shared_network_are_copies_of_their_own(variant):
    agent = svg0(**VARIANTS[variant], evaluated=TargetCopyConfig(), target_update_period=2)
    targets = (agent.target_default_policy, agent.evaluated.policy)
    before = [flat(target) for target in targets]
    learner = Learner(agent)
    batch = {"unrolls": random_unrolls(0, DRIVEN).rows}
    learner.update(batch)
    assert all(torch.equal(flat(t), b) for t, b in zip(targets, before, strict=True))
    learner.update(batch)
    assert torch.equal(flat(agent.target_default_policy), flat(agent.default_policy))
    assert torch.equal(flat(agent.evaluated.policy), flat(agent.policy))


@pytest.mark.parametrize("variant", VARIANTS)
def test_saved_and_published_weights_give_the_same_action(variant):
    agent, saved, published = (svg0(seed, **VARIANTS[variant]) for seed in range(3))
    saved.load_state_dict(agent.state_dict())
    published.load_acting_weights(agent.acting_weights())
    observation = {k: torch.ones(1, *v.shape).double() for k, v in DRIVEN.observation.items()}
    step = Timestep(observation, torch.zeros(1), torch.ones(1, dtype=torch.bool), torch.zeros(1))
    actions = [a.act(step, a.initial_state(1), False).action for a in (agent, saved, published)]
    assert torch.equal(actions[0], actions[1])
    assert torch.equal(actions[0], actions[2])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (dict(default=ColumnDefault()), "ColumnDefault needs the policy of a TwoColumnPolicy"),
        (dict(default=BranchDefault()), "BranchDefault needs the policy of a FlatPolicyConfig"),
        (dict(default=FlatDefault(), evaluated=TargetCopyConfig()), "a policy with latents"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        svg0(**changes)
