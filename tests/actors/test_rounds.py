"""Rounds: what an actor hands to replay for one batch, no more and no less."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from skill_train.actors.actor import Actor
from skill_train.actors.batched_env import BatchedEnv
from skill_train.actors.rounds import Rounds, Share
from skill_train.actors.vector_env import VectorEnv
from skill_train.replay.in_memory import InMemoryReplay
from skill_train.replay.schema import Schema
from skill_train.replay.tables import Draw, queue, transitions, trials
from skill_train.tasks.cartpole import GRID
from tests.actors.counting import EXTRAS, CountingAgent, CountingEnv
from tests.replay.streams import schema_of


def rounds_of(spec, items, tasks=(0,), actors=1, environments=1) -> Rounds:
    schema = schema_of([spec], {"b": Draw(spec.name, items)}, tasks)
    found = Rounds.of(schema, actors, environments)
    assert found is not None
    return found


@pytest.mark.parametrize("actors", [1, 2, 4])
@pytest.mark.parametrize("environments", [3, 6, 8])
@pytest.mark.parametrize("items", [1, 4, 9])
def test_the_shares_of_a_round_are_one_batch(items, environments, actors) -> None:
    """Of every task, in whole trials of slots that play it; over many rounds slots share alike."""
    tasks = (5, 6, 9)
    spec = trials("e", 9, 9, use_once=True, per_task=True)
    rounds = rounds_of(spec, items, tasks, actors, environments)
    total = np.zeros((actors, environments), np.int64)
    for number in range(24):
        played = np.stack([rounds.share(actor, number).trials for actor in range(actors)])
        total += played
        of_task = np.zeros(3, np.int64)
        for actor, slot in np.ndindex(played.shape):
            of_task[(actor * environments + slot) % 3] += played[actor, slot]
        assert of_task.tolist() == [items] * 3
    flat = total.ravel()
    for task in range(3):
        assert np.ptp(flat[task::3]) <= 1


@pytest.mark.parametrize(("items", "actors"), [(32, 2), (32, 4), (20, 3), (5, 2)])
def test_windows_are_dealt_in_whole_sweeps_of_an_actor(items, actors) -> None:
    rounds = rounds_of(queue("q", 3, 64), items, actors=actors, environments=8)
    for number in range(5):
        shares = [rounds.share(actor, number).windows for actor in range(actors)]
        assert sum(shares) == items
        sweeps = [-(-share // 8) for share in shares]
        assert sum(sweeps) == -(-items // 8)
        assert max(sweeps) - min(sweeps) <= 1


def test_agents_that_draw_items_again_have_no_rounds() -> None:
    assert Rounds.of(schema_of([transitions("t", 9)], {"b": Draw("t", 4)}), 2, 2) is None


def test_a_task_without_an_environment_is_refused() -> None:
    spec = trials("e", 9, 9, use_once=True, per_task=True)
    with pytest.raises(ValueError, match="2 actors of 2 environments .* 5 tasks"):
        rounds_of(spec, 4, tasks=range(5), actors=2, environments=2)


def collect(actor: Actor, share: Share, chunk: int = 4) -> list:
    """Carry out a share by short calls; the reports."""
    actor.begin(share)
    reports = [actor.collect(chunk)]
    while not reports[-1].done:
        reports.append(actor.collect(chunk))
        assert len(reports) < 1_000
    return reports


def counting(spec, tasks, items, lengths=None, trouble=None) -> tuple[Actor, InMemoryReplay]:
    """An actor on environments whose observations count, and its replay."""

    def make(task: int) -> CountingEnv:
        return CountingEnv(task, (lengths or {}).get(task, 3), (trouble or {}).get(task))

    envs = VectorEnv(make, tasks, seed=0)
    agent = CountingAgent()
    row = envs.spec.step_spec(EXTRAS)
    draws = {"b": Draw(spec.name, items)}
    replay = InMemoryReplay(Schema((spec,), draws, row, tuple(sorted(set(tasks)))), seed=0)
    return Actor(envs, agent, replay.writer(len(tasks)), seed=0), replay


def test_trials_of_an_abandoned_share_count_for_no_other() -> None:
    """Both slots are in a trial when a new round asks one for a trial, and the other for none."""
    spec = trials("e", 9, 9, use_once=True, per_task=True)
    actor, replay = counting(spec, [0, 1], 1, lengths={0: 5, 1: 5})
    actor.set_weights({}, policy_version=3)
    actor.begin(Share(np.array([1, 1])))
    assert not actor.collect(4).done, "two steps of five in each slot"
    actor.set_weights({}, policy_version=4)
    reports = collect(actor, Share(np.array([0, 1])))
    assert sum(r.env_steps for r in reports) == 2 * 3 + 5
    assert {name: table.size for name, table in replay.info().items()} == {"e/0": 1, "e/1": 2}
    batch = replay.reader().next("b", 0.0)
    assert batch.policy_version[0].ravel().tolist() == [3, 3], "begun by the older weights"


def test_every_slot_plays_its_trials_whole_with_the_weights_of_the_round() -> None:
    """Two short trials and one long one: the short slot waits, and nobody plays on."""
    spec = trials("e", 9, 9, use_once=True, per_task=True)
    actor, replay = counting(spec, [0, 1], 2, lengths={0: 2, 1: 7})
    actor.set_weights({}, policy_version=3)
    reports = collect(actor, Share(np.array([2, 2])))
    assert sum(r.env_steps for r in reports) == 2 * 2 + 2 * 7
    assert {name: table.size for name, table in replay.info().items()} == {"e/0": 2, "e/1": 2}
    batch = replay.reader().next("b", 0.0)
    assert batch is not None
    acted = ~batch.is_first[1:]
    assert acted.sum(0).tolist() == [[2, 2], [7, 7]]
    assert (batch.policy_version[:-1][acted] == 3).all()
    assert batch.observation["count"][0, :, :, 1].tolist() == [[0, 1], [0, 1]], "episodes"

    actor.set_weights({}, policy_version=4)
    collect(actor, Share(np.array([1, 0])))
    collect(actor, Share(np.array([1, 2])))
    batch = replay.reader().next("b", 0.0)
    assert batch is not None and (batch.policy_version[0] == 4).all()
    assert batch.observation["count"][0, :, :, 1].tolist() == [[2, 3], [2, 3]]


def test_a_trial_that_fails_is_played_again() -> None:
    spec = trials("e", 9, 9, use_once=True)
    actor, replay = counting(spec, [4, 5], 2, trouble={5: {(0, 2): "raise"}})
    reports = collect(actor, Share(np.array([1, 1])))
    assert sum(r.environment_failures for r in reports) == 1
    assert replay.info()["e"].size == 2
    batch = replay.reader().next("b", 0.0)
    assert sorted(batch.observation["count"][0, :, 1].tolist()) == [0, 1]


def test_windows_of_a_round_hold_no_action_of_the_round_before() -> None:
    """Windows of four actions after two context rows; episodes of three run through them."""
    spec = queue("q", 6, 16, stride=4)
    actor, replay = counting(spec, [0, 1], 4)
    reader = replay.reader()
    for version in (1, 2, 3):
        actor.set_weights({}, policy_version=version)
        collect(actor, Share(windows=4))
        batch = reader.next("b", 0.0)
        assert batch is not None
        learned = slice(spec.context_rows, -1)
        assert (batch.policy_version[learned] == version).all()
        acted = ~batch.is_first[1:][spec.context_rows :]
        assert ((batch.action[learned][..., 1] > 0) == acted).all(), "calls are counted from 1"
        assert reader.next("b", 0.0) is None


def test_a_window_too_many_is_not_written_after_a_failure() -> None:
    spec = queue("q", 4, 16)
    actor, replay = counting(spec, [0, 1, 2], 3, trouble={1: {(0, 2): "raise"}})
    reader = replay.reader()
    for version in (1, 2):
        actor.set_weights({}, policy_version=version)
        collect(actor, Share(windows=3))
        batch = reader.next("b", 0.0)
        assert batch is not None and (batch.policy_version[:-1] == version).all()
        assert replay.info()["q"].size == 0


def test_arrays_that_waited_begin_an_episode() -> None:
    """Carts step as arrays: one that waits plays on unseen, and is reset when it has waited."""
    tasks = GRID.all()
    batch = tasks.make_batch([0, 1, 2])
    assert batch is not None
    envs = BatchedEnv(batch, [0, 1, 2], seed=0)
    envs.reset()
    envs.hold(np.array([False, True, True]))
    for _ in range(3):
        outcome = envs.step(np.zeros(3, np.int64))
        assert outcome.acted.tolist() == [True, False, False]
        assert outcome.reward[1:].tolist() == [0.0, 0.0]
        assert outcome.is_first.tolist() == [False, True, True]
    before = outcome.observation["state"]
    after = envs.hold(np.array([False, False, True]))["state"]
    assert (after[0] == before[0]).all(), "the one that plays is not disturbed"
    assert np.abs(after[1]).max() <= 0.05 < np.abs(before[1]).max(), "Gymnasium's start"
    assert envs.step(np.zeros(3, np.int64)).acted.tolist() == [True, True, False]


def test_arrays_of_which_all_wait_stand_still() -> None:
    batch = GRID.all().make_batch([0, 1])
    assert batch is not None
    envs = BatchedEnv(batch, [0, 1], seed=0)
    before = envs.reset()["state"].copy()
    envs.hold(np.ones(2, bool))
    outcome = envs.step(np.zeros(2, np.int64))
    assert not outcome.acted.any()
    assert (outcome.observation["state"] == before).all()
    assert (envs.hold(np.zeros(2, bool))["state"] == before).all()


def test_trials_with_one_clock_are_not_reset_in_part() -> None:
    env = gymnasium.make_vec(
        "skill/GoalGrid-v0", 2, vectorization_mode="vector_entry_point", goal=[(4, 4), (3, 3)]
    )
    env.reset(seed=0)
    with pytest.raises(ValueError, match="one clock"):
        env.reset(options={"reset_mask": np.array([True, False])})
