"""Grid worlds: one test for each sentence of the task's rules, and the exact optimum."""

import numpy as np
import pytest

from skill_train.tasks.grid import Grid, mean_optimal_return, optimal_return

RIGHT, UP, LEFT, DOWN = range(4)


def start(n: int, agent=(3, 3), goal=(7, 7), **kwargs) -> Grid:
    env = Grid(n, **kwargs)
    env.reset(seed=0, options={"agent": agent, "goal": goal})
    return env


@pytest.mark.parametrize("n", [1, 4, 8])
def test_n_pushes_the_same_way_move_one_cell(n):
    env = start(n)
    for push in range(1, n + 1):
        observation, *_ = env.step(UP)
        moved = push == n
        assert env._agent == [3, 4 if moved else 3]
        expected = [0.0, 0.0 if moved else push / n]
        np.testing.assert_allclose(observation["proprioception"], expected)


def test_internal_coordinate_keeps_to_its_range_and_dimensions_are_apart():
    env = start(4)
    rng = np.random.default_rng(0)
    for _ in range(300):
        before = list(env._internal)
        action = int(rng.integers(4))
        env.step(action)
        assert max(abs(i) for i in env._internal) <= 3
        other = 1 - action % 2
        assert env._internal[other] == before[other]


def test_opposite_pushes_cancel():
    env = start(4)
    for action in (RIGHT, RIGHT, LEFT, LEFT, LEFT):
        env.step(action)
    assert env._internal == [-1, 0] and env._agent == [3, 3]


def test_directions():
    for action, cell in ((RIGHT, [4, 3]), (UP, [3, 4]), (LEFT, [2, 3]), (DOWN, [3, 2])):
        env = start(1)
        env.step(action)
        assert env._agent == cell


@pytest.mark.parametrize("n", [1, 4])
def test_hitting_a_wall_costs_more_and_leaves_the_cell(n):
    env = start(n, agent=(0, 3))
    rewards = [env.step(LEFT)[1] for _ in range(n)]
    assert rewards == pytest.approx([-0.1] * (n - 1) + [-0.3])
    assert env._agent == [0, 3] and env._internal == [0, 0]


def test_the_goal_brings_one_less_the_steps_penalty_and_terminates():
    env = start(1, agent=(3, 3), goal=(4, 3))
    _, reward, terminated, truncated, info = env.step(RIGHT)
    assert reward == pytest.approx(0.9)
    assert (terminated, truncated, info["success"]) == (True, False, True)


def test_time_limit_truncates():
    env = start(8)
    for step in range(1, 401):
        _, reward, terminated, truncated, info = env.step(RIGHT if step % 2 else LEFT)
        assert (reward, terminated, info["success"]) == (-0.1, False, False)
        assert truncated is (step == 400)


def test_task_is_both_cells_scaled_to_one():
    env = Grid()
    observation, _ = env.reset(seed=0, options={"agent": (0, 7), "goal": (7, 1)})
    np.testing.assert_allclose(observation["task"], [-1, 1, 1, 2 / 7 - 1], atol=1e-6)


def test_starts_are_distinct_and_cover_the_grid():
    env = Grid()
    env.reset(seed=0)
    agents, goals = set(), set()
    for _ in range(1500):
        env.reset()
        assert env._agent != env._goal
        agents.add(tuple(env._agent))
        goals.add(tuple(env._goal))
    assert len(agents) == len(goals) == 64


def test_same_seed_same_starts():
    def starts(seed):
        env = Grid()
        first = env.reset(seed=seed)[0]["task"]
        return np.stack([first, *(env.reset()[0]["task"] for _ in range(5))])

    np.testing.assert_array_equal(starts(1), starts(1))
    assert not np.array_equal(starts(1), starts(2))


def brute_force(env: Grid, discount: float, sweeps: int) -> float:
    """Value iteration through the environment's own step, from its present start."""
    goal = tuple(env._goal)
    n, size = env.body_steps, env.size
    internals = range(-n + 1, n)
    states = [
        (x, y, u, v) for x in range(size) for y in range(size) for u in internals for v in internals
    ]
    model = {}
    for state in states:
        for action in range(4):
            env._agent, env._internal = list(state[:2]), list(state[2:])
            env._steps = 0
            _, reward, terminated, _, _ = env.step(action)
            after = (*env._agent, *env._internal)
            model[state, action] = (reward, None if terminated else after)
    values = dict.fromkeys(states, -1e3)
    for _ in range(sweeps):
        values = {
            s: max(
                r + (discount * values[after] if after else 0.0)
                for r, after in (model[s, a] for a in range(4))
            )
            for s in states
        }
    cells = [(x, y) for x in range(size) for y in range(size) if (x, y) != goal]
    return {(x, y): values[x, y, 0, 0] for x, y in cells}


@pytest.mark.parametrize(("n", "discount"), [(1, 1.0), (1, 0.9), (3, 1.0), (3, 0.95)])
def test_optimum_against_value_iteration_on_the_environment(n, discount):
    size, means = 4, []
    for goal in ((x, y) for x in range(size) for y in range(size)):
        agent = (0, 0) if goal != (0, 0) else (1, 0)
        env = start(n, agent=agent, goal=goal, size=size)
        values = brute_force(env, discount, sweeps=2 * (size - 1) * n + 1)
        for (x, y), value in values.items():
            distance = abs(x - goal[0]) + abs(y - goal[1])
            assert optimal_return(distance, n, discount) == pytest.approx(value)
        means += values.values()
    assert mean_optimal_return(n, size, discount) == pytest.approx(np.mean(means))


def test_optimum_of_the_papers_grids_by_playing_it():
    for n in (1, 4, 8):
        env = Grid(n)
        env.reset(seed=0)
        for _ in range(20):
            env.reset()
            distance = sum(abs(a - g) for a, g in zip(env._agent, env._goal, strict=True))
            total, terminated = 0.0, False
            while not terminated:
                dx, dy = (g - a for a, g in zip(env._agent, env._goal, strict=True))
                action = (RIGHT if dx > 0 else LEFT) if dx else (UP if dy > 0 else DOWN)
                _, reward, terminated, _, _ = env.step(action)
                total += reward
            assert total == pytest.approx(optimal_return(distance, n))


def test_mean_optimum_worked_out():
    # Mean |dx| + |dy| of two distinct cells of 8 is 16/3: 1 - 0.1 n 16/3.
    assert mean_optimal_return(1) == pytest.approx(1 - 0.1 * 16 / 3)
    assert mean_optimal_return(8) == pytest.approx(1 - 0.8 * 16 / 3)


def test_picture_shows_body_and_goal():
    env = start(4, agent=(0, 0), goal=(7, 7), render_mode="rgb_array")
    picture = env.render()
    assert picture.shape == (256, 256, 3) and picture.dtype == np.uint8
    assert tuple(picture[-16, 16]) == (220, 120, 30)  # the body, bottom left
    assert tuple(picture[16, -16]) == (40, 170, 80)  # the goal, top right
    assert Grid().render() is None


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="body_steps >= 1"):
        Grid(0)
    with pytest.raises(ValueError, match="outside"):
        Grid().reset(options={"agent": (8, 0)})
    with pytest.raises(ValueError, match="distinct"):
        Grid().reset(options={"agent": (1, 1), "goal": (1, 1)})
    env = start(1)
    with pytest.raises(ValueError, match="0, 1, 2 or 3"):
        env.step(4)
