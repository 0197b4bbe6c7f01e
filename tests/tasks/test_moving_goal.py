"""Reacher with a moving goal: one test for each sentence of the rules."""

import numpy as np
import pytest

from skill_train.tasks.moving_goal import MovingGoalReacher
from skill_train.tasks.reacher import Reacher


def test_the_goal_goes_round_the_circle_once_in_an_episode():
    env = MovingGoalReacher(radius=0.1)
    seen = [env.reset(seed=0)[0]["goal"][:2]]
    for _ in range(180):
        observation, _, terminated, truncated, _ = env.step(np.zeros(2))
        assert not terminated
        seen.append(observation["goal"][:2])
    assert truncated
    places = np.array(seen)
    np.testing.assert_allclose(np.linalg.norm(places, axis=1), 0.1, rtol=1e-5)
    turned = np.diff(np.unwrap(np.arctan2(places[:, 1], places[:, 0])))
    np.testing.assert_allclose(turned, 2.0 * np.pi / 180, rtol=1e-3)


def test_it_starts_at_a_random_angle():
    starts = [MovingGoalReacher().reset(seed=seed)[0]["goal"][:2] for seed in range(40)]
    quadrants = {tuple(np.sign(start)) for start in starts}
    assert len(quadrants) == 4
    np.testing.assert_array_equal(starts[7], MovingGoalReacher().reset(seed=7)[0]["goal"][:2])


def test_arm_and_reward_are_those_of_reacher_at_the_goal_of_the_moment():
    env, still = MovingGoalReacher(upper_arm=0.33), Reacher(upper_arm=0.33)
    env.reset(seed=0), still.reset(seed=0)
    still._simulation.data.qpos[:] = env._simulation.data.qpos
    still._simulation.data.qvel[:] = env._simulation.data.qvel
    rng = np.random.default_rng(0)
    for _ in range(50):
        action = rng.uniform(-1.0, 1.0, 2)
        seen, reward, *_ = env.step(action)
        still._simulation.data.qpos[2:] = seen["goal"][:2]
        expected, expected_reward, *_ = still.step(action)
        np.testing.assert_allclose(seen["state"], expected["state"], atol=1e-6)
        assert reward == pytest.approx(expected_reward, abs=1e-6)
        np.testing.assert_allclose(
            seen["goal"][2:], seen["state"][6:] - seen["goal"][:2], atol=1e-6
        )


def test_a_lap_of_one_step_is_refused():
    with pytest.raises(ValueError, match="a lap needs lap_steps of at least 2"):
        MovingGoalReacher(lap_steps=1)
