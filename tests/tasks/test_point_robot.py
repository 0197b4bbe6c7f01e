"""The point robot: one test for each sentence of its rules."""

import numpy as np
import pytest

from skill_train.tasks.point_robot import TEST, TRAIN, PointRobot, VectorPointRobot, straight_return


def test_a_move_is_a_tenth_of_the_action_clipped_and_brings_minus_the_distance():
    env = PointRobot(angle=90.0)
    env.reset(seed=0)
    for action, place in (((0.0, 1.0), (0.0, 0.1)), ((-5.0, 0.5), (-0.1, 0.15))):
        seen, reward, *_ = env.step(np.array(action, np.float32))
        np.testing.assert_allclose(seen["state"], place, atol=1e-7)
        assert reward == pytest.approx(-np.hypot(place[0], place[1] - 1.0))


def test_who_knows_the_goal_gets_the_straight_return_in_each_of_three_episodes():
    env = PointRobot(angle=90.0)
    seen, _ = env.reset(seed=0)
    truncated, steps = False, 0
    while not truncated:
        towards = np.array([0.0, 1.0]) - seen["state"]
        seen, _, _, truncated, info = env.step((towards / 0.1).astype(np.float32))
        steps += 1
    assert steps == 60
    # 0.9 + 0.8 + ... + 0.1 on the way, then nothing
    np.testing.assert_allclose(info["return_per_episode"], [-4.5] * 3, atol=1e-5)
    assert straight_return() == pytest.approx(-4.5)


def test_many_have_each_its_goal():
    env = VectorPointRobot(2, [0.0, 180.0])
    env.reset()
    _, reward, *_ = env.step(np.array([[1.0, 0.0], [1.0, 0.0]]))
    np.testing.assert_allclose(reward, [-0.9, -1.1])
    with pytest.raises(ValueError, match="need a goal each"):
        VectorPointRobot(3, [0.0])


def test_training_and_test_tasks_never_overlap():
    assert TRAIN.family is TEST.family
    assert not set(TRAIN.tasks) & set(TEST.tasks)
    angles = [goal.kwargs["angle"] for goal in TRAIN.family.goals]
    assert len(set(angles)) == len(angles) == 79
    assert all(0.0 < angle < 180.0 for angle in angles)


def test_the_picture_shows_goal_and_point():
    env = PointRobot(angle=90.0, render_mode="rgb_array")
    env.reset()
    picture = env.render()
    assert tuple(picture[40, 120]) == (40, 170, 80)  # one metre up
    assert tuple(picture[120, 120]) == (220, 120, 30)
