"""Multi-task Reacher: Gymnasium's own model, and one test for each sentence of the rules."""

import gymnasium
import numpy as np
import pytest

import skill_train.tasks  # noqa: F401
from skill_train.tasks.reacher import CORNERS, GRID, Reacher


def test_with_equal_links_it_is_reacher_v5_but_for_the_bonus_and_what_is_seen():
    goal = (0.1, -0.05)
    ours, theirs = Reacher(goal=goal), gymnasium.make("Reacher-v5").unwrapped
    seen = ours.reset(seed=0)[0]["state"]
    theirs.reset(seed=0)
    data = ours._simulation.data
    theirs.set_state(data.qpos.copy(), data.qvel.copy())
    rng = np.random.default_rng(0)
    for _ in range(60):
        action = rng.uniform(-1.0, 1.0, 2)
        observation, reward, terminated, truncated, _ = ours.step(action)
        expected, reward_there, *_ = theirs.step(action)
        seen = observation["state"]
        np.testing.assert_allclose(seen[:4], expected[:4], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(seen[4:6], expected[6:8], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(seen[6:] - goal, expected[8:], atol=1e-6)
        distance = np.linalg.norm(expected[8:])
        bonus = 0.1 * max(0.0, 1.0 - distance / 0.05)
        assert reward == pytest.approx(reward_there + bonus, abs=1e-6)
        assert not terminated and not truncated


def tip(upper: float, joints: tuple[float, float]) -> np.ndarray:
    env = Reacher(upper_arm=upper)
    env.reset(seed=0)
    env._simulation.data.qpos[:2] = joints
    env._simulation.forward()
    return env._tip.copy()


def test_the_elbow_moves_along_an_arm_of_the_same_length():
    for upper in (0.33, 0.5, 0.67):
        np.testing.assert_allclose(tip(upper, (0.0, 0.0)), [0.21, 0.0], atol=1e-9)
        np.testing.assert_allclose(tip(upper, (np.pi / 2, 0.0)), [0.0, 0.21], atol=1e-9)
        bent = [0.2 * upper, 0.2 * (1 - upper) + 0.01]
        np.testing.assert_allclose(tip(upper, (0.0, np.pi / 2)), bent, atol=1e-9)


def test_the_bonus_is_largest_at_the_goal():
    env = Reacher(goal=(0.21, 0.0))
    env.reset(seed=0)
    env._simulation.data.qpos[:2] = env._simulation.data.qvel[:2] = 0.0
    env._simulation.forward()
    assert env.step(np.zeros(2))[1] == pytest.approx(0.1, abs=1e-6)
    assert Reacher(goal=(0.0, 0.2)).reset(seed=0) is not None
    far = Reacher(goal=(-0.2, 0.0), proximity_bonus=1e6)
    far.reset(seed=0)
    assert far.step(np.zeros(2))[1] < -0.3, "none beyond 0.05 m"


def test_actions_beyond_one_are_clipped():
    a, b = Reacher(), Reacher()
    a.reset(seed=0), b.reset(seed=0)
    for _ in range(3):
        ours, theirs = a.step(np.array([5.0, -3.0])), b.step(np.array([1.0, -1.0]))
    np.testing.assert_array_equal(ours[0]["state"], theirs[0]["state"])
    assert ours[1] == theirs[1]


def test_episodes_are_truncated_after_100_steps():
    env = gymnasium.make("skill/Reacher-v0")
    env.reset(seed=0)
    ends = [env.step(np.zeros(2, np.float32))[2:4] for _ in range(100)]
    assert ends == [(False, False)] * 99 + [(False, True)]


@pytest.mark.parametrize("family", [GRID, CORNERS])
def test_every_goal_can_be_reached_by_every_arm(family):
    for task in range(family.num_tasks):
        chosen = family.task_kwargs(task)
        upper, lower = 0.2 * chosen["upper_arm"], 0.2 * (1 - chosen["upper_arm"]) + 0.01
        radius = np.linalg.norm(chosen["goal"])
        assert abs(upper - lower) + 0.01 < radius < upper + lower - 0.01


def test_the_goals_of_the_2_by_4_grid_are_the_corners_of_a_square():
    corners = np.array([CORNERS.task_kwargs(j)["goal"] for j in range(4)])
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    np.testing.assert_allclose(sides, 0.14 * np.sqrt(2), rtol=1e-3)
    assert CORNERS.name(0) == "skill/Reacher-v0[arm=33/67,goal=45deg]"


@pytest.mark.parametrize("wrong", [{"upper_arm": 1.0}, {"episode_steps": 0}])
def test_impossible_arms_are_refused(wrong):
    with pytest.raises(ValueError, match="Reacher needs upper_arm between 0 and 1"):
        Reacher(**wrong)


def test_joints_hardly_feel_which_arm_it_is_and_the_fingertip_shows_it():
    """The joints' armature outweighs the links: all three arms turn alike under one sequence."""
    torques = np.random.default_rng(0).uniform(-1.0, 1.0, (100, 2))
    turned, shown = {}, {}
    for upper in (0.5, 0.33, 0.67):
        env = Reacher(upper_arm=upper)
        env.reset(seed=0)
        seen = np.array([env.step(torque)[0]["state"] for torque in torques])
        turned[upper] = np.unwrap(np.arctan2(seen[:, 2:4], seen[:, :2]), axis=0)
        shown[upper] = seen[:, 6:]
    assert np.ptp(turned[0.5], axis=0).min() > 6.0
    for upper in (0.33, 0.67):
        assert np.abs(turned[upper] - turned[0.5]).max() < 0.012
        assert np.abs(shown[upper] - shown[0.5]).max() > 0.05
