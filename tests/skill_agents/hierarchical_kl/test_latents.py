"""A latent is held for its period; loops over rows say what each row should have."""

from __future__ import annotations

import pytest
import torch

from skill_train.skill_agents.hierarchical_kl.latents import hold, latent_age, previous
from tests.skill_agents.hierarchical_kl.unrolls import DRIVEN, random_unrolls


@pytest.mark.parametrize("period", [2, 3, 4])
def test_a_row_has_the_latent_of_the_row_that_drew_it(period):
    unrolls = random_unrolls(period, DRIVEN, period, steps=12)
    fresh = torch.randn(*unrolls.age.shape, 2)
    held = hold(fresh, unrolls.age)
    last = previous(held)
    for b in range(fresh.shape[1]):
        z = fresh[0, b]  # a draw before the window: its first row stands for it
        for t in range(len(fresh)):
            if t > 0:
                assert torch.equal(last[t, b], z)
            if unrolls.age[t, b] == 0:
                z = fresh[t, b]
            elif t < period and unrolls.age[t, b] > t:
                z = fresh[0, b]
            assert torch.equal(held[t, b], z)


@pytest.mark.parametrize("period", [2, 3, 4])
def test_the_predecessor_of_every_learned_latent_lies_in_the_context(period):
    """Else row 0 would stand for rows before it where a KL counts."""
    age = random_unrolls(period, DRIVEN, period, steps=12).age
    for t in range(period, len(age)):
        for b in range(age.shape[1]):
            if age[t, b] == 0 and age[t - 1, b] == period - 1:
                assert t - 1 - int(age[t - 1, b]) >= 0


@pytest.mark.parametrize("period", [2, 3, 4])
def test_the_age_goes_on_where_zero_is_stored_for_want_of_an_action(period):
    unrolls = random_unrolls(period, DRIVEN, period, steps=12)
    found = latent_age(unrolls.rows, period)
    assert torch.equal(found[1:].long(), unrolls.age[1:].long())


def test_without_a_period_every_row_draws():
    rows = random_unrolls(0, DRIVEN).rows
    fresh = torch.randn(5, 2, 3)
    assert latent_age(rows, 1) is None
    assert hold(fresh, None) is fresh
    assert not previous(fresh)[0].any()
