"""The ELBO against sums over t and i written out, and what its options leave out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from skill_train.skill_agents.nets.gaussian import Gaussian
from skill_train.skill_agents.vate.beliefs import gaussian_of
from skill_train.skill_agents.vate.model import (
    TABLE,
    NoModelConfig,
    VariationalModelConfig,
    past_only,
    previous_posterior,
    standard_normal,
    whole_trial,
)
from tests.skill_agents.vate.made_up import GRID, LENGTH, SMALL, length_of, random_trials

MODEL = SMALL.model


def build(config: VariationalModelConfig):
    torch.manual_seed(0)
    belief = SMALL.belief.build(GRID)
    return belief, config.build(GRID, belief)


def slow_kl(mean, std, mean_q=0.0, std_q=1.0) -> float:
    """Of diagonal Gaussians, one component at a time."""
    mean, std = np.asarray(mean), np.asarray(std)
    mean_q, std_q = np.broadcast_to(mean_q, mean.shape), np.broadcast_to(std_q, std.shape)
    return sum(
        math.log(sq / s) + (s * s + (m - mq) ** 2) / (2 * sq * sq) - 0.5
        for m, s, mq, sq in zip(mean, std, mean_q, std_q, strict=True)
    )


@pytest.mark.parametrize("span", ["whole_trial", "past_only"])
@pytest.mark.parametrize("prior", ["standard_normal", "previous_posterior"])
def test_the_loss_is_minus_the_mean_elbo(span, prior):
    config = replace(MODEL, span=span, prior=prior, kl_weight=0.7)
    belief, model = build(config)
    rows = random_trials(GRID, 3)
    told = belief.unroll(rows)[0].detach()
    torch.manual_seed(5)
    loss, metrics = model.loss({TABLE: told}, {TABLE: rows})
    torch.manual_seed(5)
    q = gaussian_of(told)
    m = q.mean + q.std * torch.randn_like(q.mean)
    elbos, likelihoods = [], []
    for b in range(6):
        for t in range(length_of(rows, b) + 1):
            p = model.decoder.goal_probability(m[t, b]).detach().numpy()
            likelihood = 0.0
            for i in range(length_of(rows, b)):
                if span == "past_only" and i >= t:
                    continue
                chance = p[int(rows.observation["arrived"][i + 1, b].argmax())]
                likelihood += math.log(chance if rows.reward[i, b] > 0.5 else 1.0 - chance)
            if prior == "previous_posterior" and t:
                kl = slow_kl(q.mean[t, b], q.std[t, b], q.mean[t - 1, b], q.std[t - 1, b])
            else:
                kl = slow_kl(q.mean[t, b], q.std[t, b])
            likelihoods.append(likelihood)
            elbos.append(likelihood - 0.7 * kl)
    assert float(loss) == pytest.approx(-np.mean(elbos), rel=1e-4)
    assert float(metrics["log_likelihood_nats"]) == pytest.approx(np.mean(likelihoods), rel=1e-4)


def test_spans():
    t, i = torch.tensor([0, 2]), torch.arange(3)
    assert whole_trial(t, i).tolist() == [[True] * 3] * 2
    assert past_only(t, i).tolist() == [[False] * 3, [True, True, False]]


def test_both_priors_agree_at_the_first_row_and_on_a_belief_that_does_not_change():
    mean, std = torch.randn(4, 2, 3), torch.rand(4, 2, 3) + 0.5
    fixed = Gaussian(mean[:1].expand(4, -1, -1), std[:1].expand(4, -1, -1))
    torch.testing.assert_close(previous_posterior(fixed)[0], standard_normal(fixed)[0])
    torch.testing.assert_close(previous_posterior(fixed)[1:], torch.zeros(3, 2))


def test_sub_sampled_rows_are_distinct_and_give_the_mean_of_their_elbos():
    belief, model = build(replace(MODEL, sampled_rows=3, kl_weight=1.0))
    drawn = [model._rows(LENGTH + 1, torch.device("cpu")).tolist() for _ in range(50)]
    assert all(sorted(set(t)) == t and len(t) == 3 for t in drawn)
    assert {t for rows in drawn for t in rows} == set(range(LENGTH + 1))
    rows = random_trials(GRID, 3)
    told = belief.unroll(rows)[0].detach()
    told[..., 2:] = -6.0  # no noise to speak of, so that only the rows differ
    told[..., :2] *= 20
    whole = build(replace(MODEL, kl_weight=1.0))[1].loss({TABLE: told}, {TABLE: rows})[0]
    parts = [model.loss({TABLE: told}, {TABLE: rows})[0] for _ in range(400)]
    mean, spread = torch.stack(parts).mean(), torch.stack(parts).std() / 20
    assert abs(float(mean - whole)) < 4 * float(spread)


def test_tables_and_draws():
    (table,) = MODEL.tables(LENGTH)
    assert table.whole_trial and not table.use_once and table.max_items == 20
    assert MODEL.draws(6)[TABLE].batch_size == 12
    none = NoModelConfig()
    assert none.tables(LENGTH) == () and none.draws(6) == {}
    assert float(none.build(GRID, SMALL.belief.build(GRID)).loss({}, {})[0]) == 0.0


def test_what_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="span is one of"):
        VariationalModelConfig(span="future")
    with pytest.raises(ValueError, match="sampled_rows"):
        VariationalModelConfig(sampled_rows=0)
