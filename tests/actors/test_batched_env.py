"""Environments that step as arrays give the rows that environments one by one give."""

from __future__ import annotations

import numpy as np
import pytest

from skill_train.actors.batched_env import BatchedEnv
from skill_train.actors.make_environments import make_environments
from skill_train.actors.vector_env import VectorEnv
from skill_train.tasks.cartpole import GRID, VectorCartPole
from skill_train.tasks.families import TaskFamily, single_task
from skill_train.tasks.point_robot import VectorPointRobot

SHORT = TaskFamily(GRID.env_id, GRID.dynamics, GRID.goals, kwargs={"episode_steps": 12})
SLOTS = (0, 4, 8, 8)


def test_a_family_that_steps_as_arrays_is_stepped_so():
    assert isinstance(make_environments(SHORT.all(), SLOTS, 0), BatchedEnv)
    one = make_environments(single_task("skill/Grid-1step-v0"), (0, 0), 0)
    assert isinstance(one, VectorEnv)


def test_rows_are_those_of_single_environments():
    """Given the same starts and actions; episodes of 12 steps or less, some fall, some do not."""
    batch = make_environments(SHORT.all(), SLOTS, 0)
    single = VectorEnv(SHORT.all().make, SLOTS, 0)
    assert isinstance(batch, BatchedEnv)
    assert batch.spec == single.spec and batch.size == single.size
    rng = np.random.default_rng(0)
    finished = []
    our_state, their_state = batch.reset()["state"], single.reset()["state"]
    is_first = np.ones(4, bool)
    for _ in range(120):
        for slot in np.flatnonzero(is_first):
            start = batch.env.unwrapped._state[:, slot].copy()
            single.envs[slot].unwrapped._physics.state = start
            their_state[slot] = start
        np.testing.assert_allclose(our_state, their_state, rtol=1e-6)
        # Two slots always push to one side and fall, two alternate and last.
        action = np.array([1, 0, *rng.permutation(2)])
        ours, theirs = batch.step(action), single.step(action)
        np.testing.assert_array_equal(ours.is_first, theirs.is_first)
        np.testing.assert_array_equal(ours.discount, theirs.discount)
        np.testing.assert_allclose(ours.reward, theirs.reward, rtol=1e-5)
        assert ours.reward.dtype == theirs.reward.dtype == np.float32
        assert (ours.ended, ours.failed) == (theirs.ended, theirs.failed)
        for a, b in zip(ours.episodes, theirs.episodes, strict=True):
            assert (a.task, a.length, a.success) == (b.task, b.length, b.success)
            assert a.return_ == pytest.approx(b.return_, rel=1e-5)
        finished += ours.episodes
        our_state, their_state = ours.observation["state"], theirs.observation["state"]
        is_first = ours.is_first
    assert {e.task for e in finished} == {0, 4, 8}
    assert min(e.length for e in finished) < 12 == max(e.length for e in finished)


class Recorder(VectorPointRobot):
    """Keeps the actions that it was given."""

    def step(self, actions):
        self.given = actions
        return super().step(actions)


def test_actions_are_clipped_to_what_the_environments_take():
    envs = BatchedEnv(Recorder(2, [0.0, 90.0]), (0, 1), 0)
    envs.reset()
    drawn = np.array([[-3.0, 0.5], [0.25, 2.0]], np.float32)
    envs.step(drawn)
    np.testing.assert_array_equal(envs.env.given, [[-1.0, 0.5], [0.25, 1.0]])
    assert drawn[0, 0] == -3.0, "replay keeps the action as it was drawn"


def test_numbers_that_are_not_finite_stop_the_actor():
    envs = BatchedEnv(VectorCartPole(2), (0, 0), 0)
    envs.reset()
    envs.env._state[1, 1] = np.nan
    with pytest.raises(FloatingPointError, match="not finite"):
        envs.step(np.array([0, 1]))


def test_other_ways_to_reset_are_refused():
    env = VectorCartPole(2)
    env.metadata = {"autoreset_mode": "same step"}
    with pytest.raises(ValueError, match="must reset on the next step"):
        BatchedEnv(env, (0, 0), 0)
