"""What is in a row that must not count does not count."""

from __future__ import annotations

import pytest
import torch

from tests.skill_agents.hierarchical_kl.unrolls import (
    DRIVEN,
    STEPPED,
    changed,
    losses,
    random_unrolls,
    svg0,
    vtrace_agent,
)

AGENTS = {"svg0": (svg0, DRIVEN), "vtrace": (vtrace_agent, STEPPED)}


def equal(agent, rows, others) -> bool:
    ours, theirs = losses(agent, rows), losses(agent, others)
    return all(torch.equal(ours[k], theirs[k]) for k in ours)


def two_episodes(spec, terminates: bool):
    """Context, two steps, the last row of the episode (3), and two first rows of others (4, 5)."""
    rows = random_unrolls(0, spec, steps=4, batch=3).rows
    first = torch.zeros_like(rows.is_first)
    first[4:] = True
    rows = changed(rows, (slice(3, 4),), action=0, reward=0.0, discount=0.0, log_prob=0.0)
    rows = changed(rows, (slice(0, 3),), discount=1.0, reward=0.5)
    rows = changed(rows, (2,), discount=0.0 if terminates else 1.0)
    return rows._replace(is_first=first)


@pytest.mark.parametrize("period", [1, 3])
@pytest.mark.parametrize("name", AGENTS)
def test_made_up_rows_cover_every_case(name, period):
    """Else the comparisons with the slow reference would say less than they seem to."""
    _, spec = AGENTS[name]
    rows, age = random_unrolls(5 if name == "vtrace" else 3, spec, period)
    dead = rows.is_first[1:]
    assert (dead[1:] & (rows.discount[:-2] == 0) & ~dead[:-1]).any(), "a termination"
    assert (dead[1:] & (rows.discount[:-2] == 1) & ~dead[:-1]).any(), "a time limit"
    if period > 1:
        assert (dead & (age[:-1] > 0)).any(), "a last row where the latent is held"


@pytest.mark.parametrize("name", AGENTS)
def test_nothing_that_is_written_where_nothing_was_done(name):
    make, spec = AGENTS[name]
    agent, rows = make(), random_unrolls(3, spec).rows
    dead = torch.zeros_like(rows.is_first)
    dead[:-1] = rows.is_first[1:]
    assert dead[1:-1].any()
    filled = changed(rows, (dead,), action=1, reward=9.0, discount=1.0, log_prob=-50.0)
    assert equal(agent, rows, filled)


@pytest.mark.parametrize("terminates", [True, False])
@pytest.mark.parametrize("name", AGENTS)
def test_nothing_of_the_next_episode(name, terminates):
    make, spec = AGENTS[name]
    agent, rows = make(), two_episodes(spec, terminates)
    other = changed(
        rows, (slice(4, None),), observation=5.0, action=1, reward=9.0, discount=1.0, log_prob=-9.0
    )
    assert equal(agent, rows, other)


@pytest.mark.parametrize("name", AGENTS)
def test_the_last_observation_counts_after_a_time_limit_and_not_after_a_termination(name):
    make, spec = AGENTS[name]
    agent = make()
    for terminates in (True, False):
        rows = two_episodes(spec, terminates)
        moved = changed(rows, (3,), observation=5.0)
        before, after = losses(agent, rows), losses(agent, moved)
        assert torch.equal(before["critic"], after["critic"]) == terminates


@pytest.mark.parametrize("name", AGENTS)
def test_the_context_row_lends_its_latent_and_nothing_else(name):
    make, spec = AGENTS[name]
    agent, rows = make(), random_unrolls(3, spec).rows
    rows = rows._replace(is_first=rows.is_first.clone())
    rows.is_first[:2] = False
    other = changed(rows, (0,), action=1, reward=9.0, discount=0.0, log_prob=-9.0)
    assert equal(agent, rows, other)
    assert not equal(agent, rows, changed(rows, (0,), observation=5.0))


@pytest.mark.parametrize("name", AGENTS)
def test_the_bootstrap_row_lends_its_observation_and_nothing_else(name):
    make, spec = AGENTS[name]
    agent, rows = make(), random_unrolls(3, spec).rows
    other = changed(rows, (-1,), action=1, reward=9.0, discount=0.0, log_prob=-9.0)
    assert equal(agent, rows, other)


@pytest.mark.parametrize("log_prob", [-1e4, 1e4])
@pytest.mark.parametrize("name", AGENTS)
def test_actions_that_behaviour_found_impossible_or_certain_leave_losses_finite(name, log_prob):
    """exp of the log ratio would overflow, and infinity times the mask is not a number."""
    make, spec = AGENTS[name]
    agent, rows = make(), random_unrolls(3, spec).rows
    rows = changed(rows, (slice(None),), log_prob=log_prob)
    assert all(bool(loss.isfinite()) for loss in losses(agent, rows).values())


@pytest.mark.parametrize("name", AGENTS)
def test_a_batch_without_a_single_action_gives_zero_losses(name):
    make, spec = AGENTS[name]
    rows = random_unrolls(3, spec).rows
    rows = rows._replace(is_first=torch.ones_like(rows.is_first))
    assert not any(bool(loss) for loss in losses(make(), rows).values())
