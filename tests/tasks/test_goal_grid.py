"""The grid with a hidden goal: one test for each sentence of its rules."""

import numpy as np
import pytest

import skill_train.tasks  # noqa: F401
from skill_train.tasks.goal_grid import FAMILY, GOALS, GoalGrid, VectorGoalGrid

UP, RIGHT, DOWN, LEFT, STAY = range(5)


def cell(one_hot: np.ndarray) -> tuple[int, int]:
    assert one_hot.sum() == 1.0
    y, x = divmod(int(one_hot.argmax()), 5)
    return x, y


def walk(env: GoalGrid, actions: list[int]) -> tuple[list[tuple[int, int]], list[float]]:
    env.reset(seed=0)
    places, rewards = [], []
    for action in actions:
        seen, reward, *_ = env.step(action)
        places.append(cell(seen["arrived"]))
        rewards.append(reward)
    return places, rewards


def test_there_are_21_goals_and_none_around_the_start():
    assert len(GOALS) == len(set(GOALS)) == FAMILY.num_tasks == 21
    assert not {(0, 0), (1, 0), (0, 1), (1, 1)} & set(GOALS)
    for goal in ((1, 1), (5, 0)):
        with pytest.raises(ValueError, match="a goal is one of"):
            GoalGrid(goal)


def test_actions_move_one_cell_and_walls_stop():
    places, _ = walk(GoalGrid((4, 4)), [LEFT, DOWN, UP, RIGHT, STAY, DOWN, LEFT, RIGHT])
    assert places == [(0, 0), (0, 0), (0, 1), (1, 1), (1, 1), (1, 0), (0, 0), (1, 0)]
    with pytest.raises(ValueError, match="0 to 4"):
        GoalGrid().step(5)


def test_the_goal_brings_one_for_every_step_on_it_and_other_cells_a_tenth_less_than_nothing():
    _, rewards = walk(GoalGrid((2, 0)), [RIGHT, RIGHT, STAY, LEFT, RIGHT])
    assert rewards == [-0.1, 1.0, 1.0, -0.1, 1.0]


def test_a_trial_is_three_episodes_of_15_steps_and_only_the_position_is_reset():
    env = GoalGrid((0, 2))
    seen, _ = env.reset(seed=0)
    assert seen["new_episode"] == 1.0 and cell(seen["state"]) == (0, 0)
    for step in range(1, 46):
        seen, reward, terminated, truncated, info = env.step(UP)
        in_episode = (step - 1) % 15 + 1
        assert reward == (1.0 if in_episode == 2 else -0.1)  # the same goal in every episode
        assert cell(seen["arrived"]) == (0, min(in_episode, 4))
        begins = step in (15, 30)
        assert seen["new_episode"] == begins
        assert cell(seen["state"]) == ((0, 0) if begins else (0, min(in_episode, 4)))
        assert not terminated and truncated == (step == 45)
    np.testing.assert_allclose(info["return_per_episode"], [1.0 - 1.4] * 3)


def test_many_as_arrays_are_each_what_one_alone_is():
    goals = [GOALS[i] for i in (0, 5, 20)]
    many, alone = VectorGoalGrid(3, goals), [GoalGrid(goal) for goal in goals]
    rng = np.random.default_rng(0)
    for _ in range(2):  # a trial and the one after it
        seen, _ = many.reset()
        for env in alone:
            env.reset()
        for _ in range(45):
            action = rng.integers(5, size=3)
            seen, reward, _, truncated, info = many.step(action)
            for i, env in enumerate(alone):
                own, own_reward, _, own_truncated, own_info = env.step(action[i])
                assert (reward[i], truncated[i]) == (own_reward, own_truncated)
                for name, array in own.items():
                    np.testing.assert_array_equal(seen[name][i], array)
        np.testing.assert_array_equal(info["return_per_episode"][2], own_info["return_per_episode"])


def test_the_step_after_a_trial_starts_another_and_ignores_its_action():
    env = VectorGoalGrid(1, [(4, 4)])
    env.reset()
    for _ in range(45):
        _, _, _, truncated, _ = env.step(np.array([UP]))
    assert truncated.all()
    seen, reward, _, truncated, _ = env.step(np.array([RIGHT]))
    assert (reward[0], truncated[0]) == (0.0, False)
    assert cell(seen["state"][0]) == cell(seen["arrived"][0]) == (0, 0)
    assert seen["new_episode"][0] == 1.0


def test_the_family_makes_both_forms():
    envs = FAMILY.all().make_batch([0, 20])
    assert envs.num_envs == 2
    assert FAMILY.name(20) == "skill/GoalGrid-v0[goal=4,4]"
    with pytest.raises(ValueError, match="need a goal each"):
        VectorGoalGrid(3, [(4, 4)])


def test_the_picture_shows_agent_and_goal():
    env = GoalGrid((4, 4), render_mode="rgb_array")
    env.reset()
    picture = env.render()
    assert tuple(picture[24, -24]) == (40, 170, 80)  # upper right
    assert tuple(picture[-24, 24]) == (220, 120, 30)  # lower left
    assert GoalGrid().render() is None
