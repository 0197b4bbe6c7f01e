"""AsteroidCartPole: one test for each sentence of the rules."""

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

import skill_train.tasks  # noqa: F401
from skill_train.tasks.asteroids import AsteroidCartPole, VectorAsteroidCartPole, hit
from skill_train.tasks.families import single_task
from tests.tasks.test_cartpole import balance


def test_cart_and_pole_are_gymnasiums():
    ours, theirs = AsteroidCartPole(), CartPoleEnv()
    rng = np.random.default_rng(0)
    for seed in range(5):
        ours.reset(seed=seed), theirs.reset(seed=seed)
        theirs.state = ours._one._state[:, 0].copy()
        over = False
        while not over:
            action = int(rng.integers(2))
            seen, reward, over, _, _ = ours.step(action)
            expected, _, over_there, _, _ = theirs.step(action)
            np.testing.assert_allclose(seen["state"], expected, rtol=1e-6)
            assert over == over_there, "no asteroid comes down so soon"
            assert reward == (0.0 if over else 1.0)


def test_the_first_starts_above_the_cart_and_the_second_anywhere():
    env = VectorAsteroidCartPole(2000, asteroids=2)
    seen = env.reset(seed=0)[0]
    x, y, other_x, other_y = seen["asteroids"].T
    np.testing.assert_allclose(x, seen["state"][:, 0])
    np.testing.assert_array_equal([y, other_y], np.float32(3.2))
    assert -2.4 <= other_x.min() < -2.3 and 2.3 < other_x.max() <= 2.4
    assert other_x.std() == pytest.approx(4.8 / np.sqrt(12), rel=0.05)
    assert VectorAsteroidCartPole(3).reset()[0]["asteroids"].shape == (3, 2)


def test_an_asteroid_falls_at_constant_speed_and_starts_anew_at_the_bottom():
    env = AsteroidCartPole(fall_speed=1.0, episode_steps=1000)
    env.reset(seed=0)
    env._one._asteroids[0, 0] = (2.0, 3.2)  # far from the cart
    state = np.zeros(4)
    for step in range(159):
        observation, _, terminated, _, _ = env.step(balance(state))
        state, asteroid = observation["state"], observation["asteroids"]
        assert not terminated
        np.testing.assert_allclose(asteroid, [2.0, 3.2 - 0.02 * (step + 1)], atol=1e-5)
    observation = env.step(balance(state))[0]
    np.testing.assert_allclose(observation["asteroids"], [observation["state"][0], 3.2], atol=1e-6)


@pytest.mark.parametrize(
    ("place", "touches"),
    [
        ((0.0, 0.8), True),
        ((0.29, 0.8), True),  # the cart reaches to 0.2, the asteroid 0.1 further
        ((0.31, 0.8), False),
        ((0.0, 1.01), True),
        ((0.0, 1.03), False),
        ((-0.27, 1.0), False),  # past the corner: 0.07 and 0.08 m away
        ((-0.25, 0.99), True),
    ],
)
def test_a_disc_touches_a_rectangle(place, touches):
    far = (2.0, 2.0)
    assert hit(np.array([0.5]), np.array([[(place[0] + 0.5, place[1]), far]])) == [touches]


def test_a_hit_ends_the_episode_and_brings_nothing():
    env = AsteroidCartPole()
    env.reset(seed=0)
    env._one._asteroids[0, 0] = (0.0, 1.03)
    _, reward, terminated, truncated, _ = env.step(0)
    assert (reward, terminated, truncated) == (0.0, True, False)


def test_standing_still_is_hit_in_the_first_fall():
    env = AsteroidCartPole()
    state, steps, over = env.reset(seed=0)[0]["state"], 0, False
    while not over:
        observation, _, over, _, _ = env.step(balance(state))
        state, steps = observation["state"], steps + 1
    assert 65 < steps < 85


def test_one_who_steps_aside_survives_2000_steps():
    """Left and right in turn as each asteroid of the first kind starts."""
    env = gymnasium.make("skill/AsteroidCartPole-v0")
    observation, goal, total, truncated = env.reset(seed=0)[0], 0.6, 0.0, False
    while not truncated:
        x, x_dot, theta, theta_dot = observation["state"]
        lean = np.clip(-0.3 * (x - goal) - 0.4 * x_dot, -0.15, 0.15)
        action = int(theta - lean + 0.5 * theta_dot > 0)
        observation, reward, terminated, truncated, _ = env.step(action)
        if observation["asteroids"][1] == np.float32(3.2):
            goal = -goal
        total += reward
        assert not terminated
    assert total == 2000.0


def test_many_as_arrays_are_the_same_as_one_by_one():
    """Over several episodes; random starts are copied from the arrays."""
    many = VectorAsteroidCartPole(4, asteroids=2, episode_steps=150)
    single = [AsteroidCartPole(asteroids=2, episode_steps=150) for _ in range(4)]

    def start(slot: int) -> None:
        env = single[slot]
        env.reset(seed=0)
        env._one._state[:, 0] = many._state[:, slot]
        env._one._asteroids[0] = many._asteroids[slot]

    seen = many.reset(seed=3)[0]["state"]
    for slot in range(4):
        start(slot)
    over, ends = np.zeros(4, bool), np.zeros((2, 4))
    for _ in range(1200):
        actions = np.array([balance(s, g) for s, g in zip(seen, (0.8, -0.8, 0.5, 0), strict=True)])
        before = many._asteroids.copy()
        observation, reward, terminated, truncated, _ = many.step(actions)
        seen = observation["state"]
        for slot, env in enumerate(single):
            if over[slot]:
                assert (reward[slot], terminated[slot], truncated[slot]) == (0.0, False, False)
                start(slot)
                continue
            expected, brought, ended, timed_out, _ = env.step(int(actions[slot]))
            launched = many._asteroids[slot, :, 1] > before[slot, :, 1]
            env._one._asteroids[0, launched] = many._asteroids[slot, launched]
            np.testing.assert_allclose(seen[slot], expected["state"], rtol=1e-6)
            assert reward[slot] == brought
            assert (terminated[slot], truncated[slot]) == (ended, timed_out)
        over = terminated | truncated
        ends += [terminated, truncated]
    assert (ends.sum(1) >= 3).all(), "both kinds of end were seen"


def test_the_same_seed_starts_alike():
    starts = [VectorAsteroidCartPole(3, 2).reset(seed=s)[0]["asteroids"] for s in (0, 0, 1)]
    np.testing.assert_array_equal(starts[0], starts[1])
    assert not np.array_equal(starts[0], starts[2])


def test_it_steps_as_arrays_in_runs():
    batch = single_task("skill/AsteroidCartPole-v0", asteroids=2).make_batch((0, 0, 0))
    assert batch.num_envs == 3 and batch.reset(seed=0)[0]["asteroids"].shape == (3, 4)


@pytest.mark.parametrize("wrong", [{"asteroids": 3}, {"fall_speed": 0.0}, {"episode_steps": 0}])
def test_impossible_skies_are_refused(wrong):
    with pytest.raises(ValueError, match=r"AsteroidCartPole needs asteroids of \[1, 2\]"):
        AsteroidCartPole(**wrong)


def test_the_picture_shows_the_asteroid():
    env = AsteroidCartPole(render_mode="rgb_array")
    env.reset(seed=0)
    assert (env.render() == (200, 40, 40)).all(-1).any()
    assert AsteroidCartPole().render() is None
