"""Beliefs: the same while acting and while learning, and the prior before anything is known."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from skill_train.skill_agents.vate.beliefs import (
    DeterministicBeliefConfig,
    GaussianBeliefConfig,
    KnownTaskConfig,
    gaussian_of,
)
from tests.skill_agents.vate.made_up import GRID, PLANE, length_of, random_trials, timestep

CONFIGS = {
    "gaussian": GaussianBeliefConfig(size=2, embedding=5, memory=6),
    "deterministic": DeterministicBeliefConfig(size=3, embedding=5, memory=6),
    "known": KnownTaskConfig(),
}
SIZES = {"gaussian": 4, "deterministic": 3, "known": 5}


@pytest.mark.parametrize("spec", [GRID, PLANE], ids=["discrete", "continuous"])
@pytest.mark.parametrize("name", CONFIGS)
def test_acting_row_by_row_is_unrolling_whole_trials(name, spec):
    torch.manual_seed(0)
    belief = CONFIGS[name].build(spec)
    assert belief.size == SIZES[name]
    state = belief.initial_state(6)
    for seed in (0, 1):  # the second trial starts with the memory of the first
        rows = random_trials(spec, seed)
        (told,) = belief.unroll(rows)
        for t in range(len(rows.reward)):
            now, state = belief.step(timestep(rows, t), state)
            state = belief.acted(state, rows.action[t])
            for b in range(6):
                if t <= length_of(rows, b):
                    torch.testing.assert_close(now[b], told[t, b])


def test_an_episode_within_a_trial_does_not_clear_the_memory():
    """Only ``is_first`` does; ``new_episode`` is one more thing that is seen."""
    torch.manual_seed(0)
    belief = CONFIGS["gaussian"].build(GRID)
    rows = random_trials(GRID, 0)
    rows.observation["new_episode"][3] = 1.0
    (told,) = belief.unroll(rows)
    rows.reward[0] += 1.0  # what happened in the episode before
    (other,) = belief.unroll(rows)
    assert ((told[4] - other[4]).abs().sum(-1) > 1e-4).all()


def test_a_belief_knows_only_the_past():
    torch.manual_seed(0)
    belief = CONFIGS["gaussian"].build(GRID)
    rows = random_trials(GRID, 0)
    (told,) = belief.unroll(rows)
    rows.reward[3] += 1.0
    (other,) = belief.unroll(rows)
    torch.testing.assert_close(told[:4], other[:4])
    assert not torch.allclose(told[4], other[4])


def test_an_untouched_task_has_the_prior_whatever_the_parameters():
    belief = CONFIGS["gaussian"].build(GRID)
    with torch.no_grad():
        for parameter in belief.parameters():
            parameter.add_(torch.randn_like(parameter))
    (told,) = belief.unroll(random_trials(GRID, 0))
    q = gaussian_of(told[0])
    torch.testing.assert_close(q.mean, torch.zeros(6, 2))
    torch.testing.assert_close(q.std, torch.ones(6, 2))


def test_several_batches_at_once_are_each_alone():
    belief = CONFIGS["gaussian"].build(GRID)
    one, two = random_trials(GRID, 0, batch=6), random_trials(GRID, 1, batch=3)
    for together, rows in zip(belief.unroll(one, two), (one, two), strict=True):
        torch.testing.assert_close(together, *belief.unroll(rows))


def test_log_variances_are_bounded_and_small_ones_hardly_changed():
    belief = replace(CONFIGS["gaussian"], size=1).build(GRID)
    with torch.no_grad():
        belief.head.weight[:] = torch.tensor([[0.0] * 6, [1.0] + [0.0] * 5])
    for memory, expected in ((1000.0, 6.0), (-1000.0, -6.0), (0.1, 0.1)):
        told = belief.of_memory(torch.tensor([memory, 0, 0, 0, 0, 0]))
        assert told[1].item() == pytest.approx(expected, rel=1e-3)
