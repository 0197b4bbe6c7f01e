"""Learning rates that fall."""

from __future__ import annotations

import itertools

import pytest
import torch

from learners.optimizers import GroupOptimizers
from skill_agents.agent import Decay, ParameterGroup

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
