"""Rounds over Ray: the order of events, and what each of them allows."""

from __future__ import annotations

from skill_train.cluster.over_ray.turns import HUNGRY_SECONDS, Turns


def act(turns: Turns, actor: int) -> tuple[str, int] | None:
    """What an actor is asked for, (weights, round); None if it has to wait."""
    turn = turns.next(actor)
    return None if turn is None else (turn.weights, turn.number)


def finish(turns: Turns, actors: int = 2) -> None:
    """Every actor does what it is asked for now."""
    for actor in range(actors):
        turns.next(actor)
        turns.done(actor)


def test_nobody_acts_before_there_are_weights() -> None:
    turns = Turns(2, ahead=1)
    assert act(turns, 0) is None
    turns.published("v0", 0, drawn=0)
    assert act(turns, 0) == ("v0", 0) and act(turns, 1) == ("v0", 0)


def test_a_round_begins_when_every_actor_has_done_the_one_before() -> None:
    turns = Turns(2, ahead=1)
    turns.published("v0", 0, drawn=0)
    act(turns, 0), act(turns, 1)
    turns.done(0)
    assert act(turns, 0) is None, "actor 1 still acts"
    turns.done(1)
    assert act(turns, 0) == ("v0", 1)


def test_actors_are_one_batch_ahead_at_most() -> None:
    """Batch k+1 is acted by the weights of batch k-1 or newer."""
    turns = Turns(1, ahead=1)
    turns.published("v0", 0, drawn=0)
    for number in (0, 1):
        assert act(turns, 0) == ("v0", number)
        turns.done(0)
    assert act(turns, 0) is None, "batch 0 is not learned from yet"
    turns.published("v1", 8, drawn=1)
    assert act(turns, 0) == ("v1", 2)
    turns.done(0)
    assert act(turns, 0) is None
    turns.published("v1 again", 8, drawn=1)
    assert act(turns, 0) is None, "no batch was learned from"
    turns.published("v2", 16, drawn=2)
    assert act(turns, 0) == ("v2", 3)


def test_without_overlap_they_wait_for_the_newest_weights() -> None:
    turns = Turns(1, ahead=0)
    turns.published("v0", 0, drawn=0)
    assert act(turns, 0) == ("v0", 0)
    turns.done(0)
    assert act(turns, 0) is None
    turns.published("v1", 1, drawn=1)
    assert act(turns, 0) == ("v1", 1)


def test_all_actors_of_a_round_have_the_same_weights() -> None:
    turns = Turns(2, ahead=1)
    turns.published("v0", 0, drawn=0)
    act(turns, 0)
    turns.published("v1", 1, drawn=1)
    assert act(turns, 1) == ("v0", 0)


def test_an_actor_that_died_does_its_share_again() -> None:
    turns = Turns(2, ahead=1)
    turns.published("v0", 0, drawn=0)
    act(turns, 0), act(turns, 1)
    turns.done(1)
    assert act(turns, 1) is None
    assert act(turns, 0) == ("v0", 0), "asked anew after its death"


def test_after_a_loss_the_next_published_weights_begin_a_new_round() -> None:
    turns = Turns(2, ahead=1)
    turns.published("v0", 0, drawn=0)
    finish(turns)
    assert act(turns, 0) == ("v0", 1)
    turns.restart()
    assert act(turns, 0) is None
    turns.published("old", 5, drawn=40)
    assert act(turns, 1) == ("old", 2)
    turns.done(0)
    assert act(turns, 0) == ("old", 2), "its late answer was for a round that is gone"
    finish(turns)
    assert act(turns, 0) == ("old", 3)
    finish(turns)
    assert act(turns, 0) is None
    turns.published("newer", 6, drawn=41)
    assert act(turns, 0) == ("newer", 4)


def test_actors_begin_again_where_a_done_round_never_reaches_the_learner() -> None:
    turns = Turns(1, ahead=0)
    turns.published("v0", 0, drawn=0)
    finish(turns, actors=1)
    turns.published("v0", 0, drawn=0, seconds=HUNGRY_SECONDS / 2)
    assert act(turns, 0) is None
    turns.published("v0", 0, drawn=0, seconds=HUNGRY_SECONDS / 2)
    assert act(turns, 0) == ("v0", 1)


def test_a_learner_that_waits_for_actors_at_work_is_not_starved() -> None:
    turns = Turns(1, ahead=0)
    turns.published("v0", 0, drawn=0)
    assert act(turns, 0) == ("v0", 0)
    turns.published("v0", 0, drawn=0, seconds=2 * HUNGRY_SECONDS)
    assert act(turns, 0) == ("v0", 0)
