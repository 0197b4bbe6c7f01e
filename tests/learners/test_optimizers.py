"""Gradients as Adam gets them, and learning rates that fall."""

from __future__ import annotations

import itertools

import pytest
import torch

from skill_train.learners.optimizers import GroupOptimizers
from skill_train.skill_agents.agent import Decay, ParameterGroup
from skill_train.skill_agents.nets.conv import ConvEncoder

RATES = [0.1, 0.1, 0.1, 0.08, 0.06, 0.04, 0.02, 0.02]
"""From 0.1 to a fifth of it between updates 2 and 6."""


def make() -> tuple[torch.nn.Parameter, GroupOptimizers]:
    weight = torch.nn.Parameter(torch.zeros(1))
    group = ParameterGroup([weight], 0.1, decay=Decay(begin=2, end=6, to=0.2))
    return weight, GroupOptimizers({"one": group})


def steps(weight: torch.nn.Parameter, optimizers: GroupOptimizers, count: int) -> list[float]:
    """How far each update went: by Adam the learning rate, where the gradient is always 1."""
    at = [weight.item()]
    for _ in range(count):
        optimizers.step({"one": weight.sum()})
        at.append(weight.item())
    return [before - after for before, after in itertools.pairwise(at)]


def test_it_falls_linearly_between_two_updates_and_then_stays():
    assert steps(*make(), 8) == pytest.approx(RATES, rel=1e-4)


def test_restored_it_falls_on_from_where_it_was():
    first, optimizers = make()
    assert steps(first, optimizers, 4) == pytest.approx(RATES[:4], rel=1e-4)
    second, restored = make()
    restored.load_state_dict(optimizers.state_dict())
    assert steps(second, restored, 4) == pytest.approx(RATES[4:], rel=1e-4)


def test_stacked_networks_are_clipped_one_by_one():
    """Gradients of norms 5, 0.05 and 0 bounded by 0.1; the metric is the norm of all of them."""
    weight, bias = torch.nn.Parameter(torch.zeros(3, 1, 2)), torch.nn.Parameter(torch.zeros(3))
    slope_w = torch.tensor([[[0.0, 3.0]], [[0.03, 0.0]], [[0.0, 0.0]]])
    slope_b = torch.tensor([4.0, 0.04, 0.0])
    group = ParameterGroup([weight, bias], 0.1, max_grad_norm=0.1, stacked=True)
    norms = GroupOptimizers({"one": group}).step(
        {"one": (slope_w * weight).sum() + (slope_b * bias).sum()}
    )
    assert float(norms["one"]) == pytest.approx((25 + 0.0025) ** 0.5)
    expected_w = torch.tensor([[[0.0, 0.06]], [[0.03, 0.0]], [[0.0, 0.0]]])
    torch.testing.assert_close(weight.grad, expected_w)
    torch.testing.assert_close(bias.grad, torch.tensor([0.08, 0.04, 0.0]))


@pytest.mark.parametrize("max_grad_norm", [None, 0.1])
def test_stacked_networks_learn_as_if_each_had_its_own_optimizer(max_grad_norm):
    torch.manual_seed(0)
    start, target = torch.randn(2, 3), torch.tensor([[0.1], [30.0]])
    stack = torch.nn.Parameter(start.clone())
    alone = [torch.nn.Parameter(row.clone()) for row in start]
    group = ParameterGroup([stack], 0.1, max_grad_norm, stacked=True)
    together = GroupOptimizers({"one": group})
    apart = [GroupOptimizers({"one": ParameterGroup([p], 0.1, max_grad_norm)}) for p in alone]
    for _ in range(20):
        together.step({"one": (stack - target).square().sum()})
        for parameter, optimizers, to in zip(alone, apart, target, strict=True):
            optimizers.step({"one": (parameter - to).square().sum()})
    torch.testing.assert_close(stack, torch.stack(alone))


def encoder() -> ConvEncoder:
    torch.manual_seed(0)
    return ConvEncoder((32, 32, 3), (8,))


def test_convolutions_learn_as_by_adam_that_is_not_fused():
    """Their gradients come channels-last, as the images do; their weights are not."""
    ours, plain = encoder(), encoder()
    optimizers = GroupOptimizers({"one": ParameterGroup(list(ours.parameters()), 0.01)})
    adam = torch.optim.Adam(plain.parameters(), lr=0.01, fused=False, foreach=False)
    pixels = torch.randint(256, (4, 32, 32, 3), dtype=torch.uint8)
    for _ in range(5):
        optimizers.step({"one": ours(pixels).square().sum()})
        adam.zero_grad()
        plain(pixels).square().sum().backward()
        adam.step()
    untrained = dict(encoder().named_parameters())
    for (name, mine), theirs in zip(ours.named_parameters(), plain.parameters(), strict=True):
        assert mine.grad.stride() == mine.stride(), name
        torch.testing.assert_close(mine, theirs, rtol=0.0, atol=1e-5, msg=name)
        assert (mine - untrained[name]).abs().max() > 0.005, name


@pytest.mark.parametrize(
    "total",
    [
        lambda a, b: (a + b).sum(),
        lambda a, b: ((a.unsqueeze(0) + b.unsqueeze(0)) * torch.ones(1, 2)).sum(),
    ],
    ids=["one tensor", "two views"],
)
def test_a_gradient_that_two_parameters_share_is_clipped_once(total):
    """Ones, four in all, of norm 2: a bound of 0.1 leaves 0.05 of each."""
    a, b = (torch.nn.Parameter(torch.zeros(2)) for _ in range(2))
    optimizers = GroupOptimizers({"one": ParameterGroup([a, b], 0.1, max_grad_norm=0.1)})
    optimizers.step({"one": total(a, b)})
    assert [*a.grad.tolist(), *b.grad.tolist()] == pytest.approx([0.05] * 4, rel=1e-4)
