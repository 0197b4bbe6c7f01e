"""Multi-task CartPole: Gymnasium's own physics, and one test for each sentence of the rules."""

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

import skill_train.tasks  # noqa: F401
from skill_train.tasks.cartpole import GRID, CartPole, VectorCartPole, tip
from skill_train.tasks.families import held_out_split, single_task


def balance(state: np.ndarray, goal: float = 0.0) -> int:
    """Leans towards the goal, then catches the pole."""
    x, x_dot, theta, theta_dot = state
    lean = np.clip(-0.15 * (x - goal) - 0.25 * x_dot, -0.1, 0.1)
    return int(theta - lean + 0.5 * theta_dot > 0)


@pytest.mark.parametrize("mass", [0.2, 1.0, 2.0])
def test_physics_and_start_are_gymnasiums_with_another_mass(mass):
    ours, theirs = CartPole(cart_mass=mass), CartPoleEnv()
    theirs.masscart, theirs.total_mass = mass, mass + theirs.masspole
    rng = np.random.default_rng(0)
    for seed in range(5):
        seen, expected = ours.reset(seed=seed)[0]["state"], theirs.reset(seed=seed)[0]
        np.testing.assert_array_equal(seen, expected)
        over = False
        while not over:
            action = int(rng.integers(2))
            seen, _, over, _, _ = ours.step(action)
            expected, _, over_there, _, _ = theirs.step(action)
            np.testing.assert_array_equal(seen["state"], expected)
            assert over == over_there


def test_the_reward_is_one_at_the_goal_and_falls_to_zero_one_threshold_away():
    env = CartPole(goal=1.0)
    env.reset(seed=0)
    for x, theta, expected in (
        (1.0, 0.0, 1.0),
        (0.0, 0.0, 1.0 - 1.0 / 2.4),
        (0.9, 0.1, 1.0 - abs(0.1 - np.sin(0.1)) / 2.4),  # the tip counts, not the cart
        (-2.0, 0.0, 0.0),
    ):
        env._physics.state = np.array([x, 0.0, theta, 0.0])
        assert env.step(1)[1] == pytest.approx(expected)


def test_falling_or_leaving_the_track_terminates_and_brings_nothing():
    env = CartPole(goal=1.0)
    for state in ([0.0, 0.0, 0.2, 3.0], [2.39, 5.0, 0.0, 0.0], [-2.39, -5.0, 0.0, 0.0]):
        env.reset(seed=0)
        env._physics.state = np.array(state)
        _, reward, terminated, truncated, _ = env.step(1)
        assert (reward, terminated, truncated) == (0.0, True, False)


def test_episodes_are_truncated_after_300_steps_and_a_controller_can_solve_them():
    env = gymnasium.make("skill/CartPole-v0", goal=-1.0)
    state = env.reset(seed=0)[0]["state"]
    total, steps, truncated = 0.0, 0, False
    while not truncated:
        observation, reward, terminated, truncated, _ = env.step(balance(state, -1.0))
        state, total, steps = observation["state"], total + reward, steps + 1
        assert not terminated
    assert steps == 300 and 240.0 < total < 300.0


def test_the_picture_shows_cart_and_goal():
    env = CartPole(goal=1.0, render_mode="rgb_array")
    env.reset(seed=0)
    picture = env.render()
    assert picture.shape == (240, 480, 3)
    assert (picture == (40, 170, 80)).all(-1).any()
    assert CartPole().render() is None


def test_many_as_arrays_are_the_same_as_one_by_one():
    """Rewards, ends and states, over several episodes with resets by the next step."""
    masses, goals = [0.2, 1.0, 2.0, 1.75], [-1.0, 0.0, 1.0, -0.5]
    many = VectorCartPole(4, cart_mass=masses, goal=goals, episode_steps=40)
    single = [CartPole(m, g, episode_steps=40) for m, g in zip(masses, goals, strict=True)]
    seen = many.reset(seed=3)[0]["state"]
    for slot, env in enumerate(single):
        env.reset(seed=0)
        env._physics.state = many._state[:, slot].copy()
    over, ends = np.zeros(4, bool), np.zeros((2, 4))
    rng = np.random.default_rng(0)
    for _ in range(400):
        random = rng.random(4) < 0.4
        actions = np.where(random, rng.integers(2, size=4), [balance(s) for s in seen])
        observation, reward, terminated, truncated, _ = many.step(actions)
        seen = observation["state"]
        for slot, env in enumerate(single):
            if over[slot]:
                assert (reward[slot], terminated[slot], truncated[slot]) == (0.0, False, False)
                assert np.abs(seen[slot]).max() <= 0.05
                env.reset(seed=0)
                env._physics.state = many._state[:, slot].copy()
                continue
            expected, brought, fell, timed_out, _ = env.step(int(actions[slot]))
            np.testing.assert_allclose(seen[slot], expected["state"], rtol=1e-6)
            assert reward[slot] == pytest.approx(brought)
            assert (terminated[slot], truncated[slot]) == (fell, timed_out)
        over = terminated | truncated
        ends += [terminated, truncated]
    assert (ends.sum(1) >= 3).all(), "both kinds of end were seen"


def test_the_same_seed_starts_alike_and_slots_differ():
    starts = [VectorCartPole(3).reset(seed=seed)[0]["state"] for seed in (0, 0, 1)]
    np.testing.assert_array_equal(starts[0], starts[1])
    assert not np.array_equal(starts[0], starts[2])
    assert len(np.unique(starts[0][:, 0])) == 3


def test_the_grid_and_its_held_out_cells():
    assert GRID.task_kwargs(GRID.index(0, 2)) == {"cart_mass": 0.2, "goal": 1.0}
    assert GRID.name(3) == "skill/CartPole-v0[mass=1,goal=-1]"
    train, test = held_out_split(GRID, "6-3")
    assert train.tasks == (1, 2, 3, 5, 6, 7) and test.tasks == (0, 4, 8)
    batch = train.make_batch((1, 7))
    np.testing.assert_allclose(batch._total_mass - 0.1, [0.2, 2.0])
    np.testing.assert_array_equal(batch._goal, [0.0, 0.0])
    with pytest.raises(ValueError, match="task 0 is not in this set"):
        train.make_batch((1, 0))
    assert single_task("skill/Grid-1step-v0").make_batch((0,)) is None


@pytest.mark.parametrize("wrong", [{"cart_mass": 0.0}, {"episode_steps": 0}])
def test_impossible_carts_are_refused(wrong):
    with pytest.raises(ValueError, match="CartPole needs cart_mass above 0"):
        CartPole(**wrong)
    with pytest.raises(ValueError, match="CartPole needs cart_mass above 0"):
        VectorCartPole(2, **wrong)


def test_the_tip_is_a_metre_up_the_pole():
    assert tip(np.array([0.5, 0.0, 0.1, 0.0])) == pytest.approx(0.5 + np.sin(0.1))
