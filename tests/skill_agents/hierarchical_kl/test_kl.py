"""Divergences from the default policy, eqs. 7 to 10, and its high-level priors."""

from __future__ import annotations

import math

import pytest
import torch

from skill_train.replay.step import Step
from skill_train.skill_agents.hierarchical_kl.defaults import (
    FlatDefault,
    HighLevelKL,
    LowLevelKL,
    NoDefault,
    SeparateLowLevel,
    SharedLowLevel,
    TotalKL,
)
from skill_train.skill_agents.hierarchical_kl.policies import Decision, FlatPolicyConfig
from skill_train.skill_agents.hierarchical_kl.priors import AR1, AR1Config, Isotropic, LearnedAR
from skill_train.skill_agents.nets.gaussian import Gaussian
from tests.skill_agents.hierarchical_kl.unrolls import (
    DRIVEN,
    POLICY,
    losses,
    random_unrolls,
    svg0,
)


def column(*values: float) -> torch.Tensor:
    """Rows [T, 1, 1]: one environment, one component."""
    return torch.tensor(values, dtype=torch.float32).reshape(-1, 1, 1)


def decision(latent, mean, std) -> Decision:
    action = Gaussian(torch.zeros(len(latent), 1, 1), torch.ones(len(latent), 1, 1))
    return Decision(latent, Gaussian(mean, std), action)


def rows(steps: int) -> Step:
    """Rows ``[steps, 1]`` in the middle of an episode; nothing but ``is_first`` is looked at."""
    first = torch.zeros(steps, 1, dtype=torch.bool)
    return Step({}, first, first, first, first, first, first, {})


MIDDLE = rows(2)


def test_isotropic_prior_by_hand():
    # KL(N(1, 0.5^2) || N(0, 1)) = log 2 + (0.25 + 1) / 2 - 1/2
    d = decision(column(0, 0), column(0, 1), column(1, 0.5))
    kl = HighLevelKL(Isotropic()).kl(d, MIDDLE, None)
    assert float(kl[1]) == pytest.approx(math.log(2) + 0.625 - 0.5)


def test_autoregressive_prior_by_hand():
    # prior N(0.6 * 2, 0.8^2): KL(N(1, 0.5^2) || .) = log(0.8/0.5) + (0.25 + 0.2^2)/(2 * 0.64) - 1/2
    d = decision(column(2, 0), column(0, 1), column(1, 0.5))
    kl = HighLevelKL(AR1(0.6)).kl(d, MIDDLE, None)
    assert float(kl[1]) == pytest.approx(math.log(1.6) + 0.29 / 1.28 - 0.5)


def test_the_low_levels_kl_is_added_and_counts_at_every_step():
    class Default(torch.nn.Module):
        def forward(self, observation, latent):
            return Gaussian(torch.full_like(latent, 2.0), torch.ones_like(latent))

    d = decision(column(0, 0), column(0, 0), column(1, 1))
    low = LowLevelKL(Default())
    assert low.kl(d, MIDDLE, None).flatten().tolist() == [2.0, 2.0]  # 2^2 / 2
    high = HighLevelKL(AR1(0.6))
    total = TotalKL(high, low).kl(d, MIDDLE, None)
    torch.testing.assert_close(total, high.kl(d, MIDDLE, None) + 2.0)


def test_the_high_levels_kl_counts_where_the_latent_is_drawn_only():
    d = decision(column(0, 0, 0, 0), column(1, 1, 1, 1), column(1, 1, 1, 1))
    age = torch.tensor([[0], [1], [0], [1]])
    kl = HighLevelKL(Isotropic()).kl(d, rows(4), age)
    assert kl.flatten().tolist() == [0.5, 0.0, 0.5, 0.0]


@pytest.mark.parametrize("prior", [Isotropic(), AR1(0.9), LearnedAR(1, (4,))])
def test_every_prior_is_standard_normal_on_first_rows(prior):
    mean, std = prior(torch.tensor([[3.0], [3.0]]), torch.tensor([True, False]))
    assert (float(mean[0].detach()), float(std[0].detach())) == (0.0, 1.0)
    torch.testing.assert_close(mean[1], prior.next(torch.tensor([3.0])).mean)


@pytest.mark.parametrize("correlation", [0.0, 0.9, 0.95])
def test_ar1_stays_standard_normal_for_ever(correlation):
    """The mean is linear in z_{t-1}, so var_t = slope^2 var_{t-1} + std^2."""
    prior = AR1(correlation)
    zero, one = prior.next(torch.zeros(1)), prior.next(torch.ones(1))
    slope, variance = float(one.mean - zero.mean), 1.0
    for _ in range(50):
        variance = slope**2 * variance + float(zero.std) ** 2
    assert float(zero.mean) == 0.0
    assert variance == pytest.approx(1.0, abs=1e-5)
    assert slope == pytest.approx(correlation)


@pytest.mark.parametrize("correlation", [-0.1, 1.0])
def test_a_correlation_that_is_none_is_refused(correlation):
    with pytest.raises(ValueError, match=r"AR\(1\) correlation lies in \[0, 1\)"):
        AR1Config(correlation).build(3)


def test_a_shared_low_level_has_no_low_level_kl_and_a_separate_one_has():
    shared, separate = svg0(default=SharedLowLevel()), svg0(default=SeparateLowLevel())
    rows = random_unrolls(0, DRIVEN).rows
    noise = torch.zeros(*rows.reward.shape, POLICY.latent_size)
    d = shared.policy(rows.observation, noise, None)
    args = (d, rows, None)
    high = HighLevelKL(AR1(0.95)).kl(*args)
    torch.testing.assert_close(shared.default_policy.kl(*args), high)
    assert (separate.default_policy.kl(*args) > high).all()


def test_groups_exist_where_there_is_something_to_learn():
    learned = {"policy", "critic", "default_policy"}
    rows = random_unrolls(0, DRIVEN).rows
    for default, groups in (
        (SharedLowLevel(), learned - {"default_policy"}),
        (NoDefault(), learned - {"default_policy"}),
        (SeparateLowLevel(), learned),
        (FlatDefault(), learned),
    ):
        agent = svg0(default=default, policy=FlatPolicyConfig(sizes=(8,), default_sizes=(8,)))
        assert agent.parameter_groups().keys() == groups
        assert losses(agent, rows).keys() == groups


def test_a_flat_policy_is_one_with_a_latent_of_size_zero():
    flat = FlatPolicyConfig(sizes=(8,), default_sizes=(8,))
    agent = svg0(policy=flat, default=FlatDefault())
    rows = random_unrolls(0, DRIVEN).rows
    d = agent.policy(rows.observation, torch.zeros(*rows.reward.shape, 0), None)
    assert d.latent.shape == (*rows.reward.shape, 0)
    assert not list(agent.policy.high.parameters())
    default = agent.default_policy.low.default(rows.observation, d.latent)
    u = d.low.std / default.std
    shift = (d.low.mean - default.mean) / default.std
    expected = (0.5 * (u**2 + shift**2 - 1) - u.log()).sum(-1)
    kl = agent.default_policy.kl(d, rows, None)
    torch.testing.assert_close(kl, expected)


def test_a_flat_default_sees_less_than_the_agent():
    agent = svg0(policy=FlatPolicyConfig(sizes=(8,), default_sizes=(8,)), default=FlatDefault())
    assert agent.policy.low.view.groups == ("proprioception", "task")
    assert agent.default_policy.low.default.view.groups == ("proprioception",)


def test_without_a_default_policy_the_kl_is_zero():
    agent = svg0(default=NoDefault())
    _, metrics = agent.losses({"unrolls": random_unrolls(0, DRIVEN).rows})
    assert float(metrics["kl_nats"]) == 0.0
