"""Gap: one test for each sentence of appendix E.2.1, "Locomotion (Gap)"."""

import math

import gymnasium
import numpy as np
import pytest

import skill_train.tasks  # noqa: F401
from skill_train.tasks.arena.gap import GAP_LENGTHS_OF, LENGTH, START, GapTask
from tests.tasks.drivers import Driver

BODIES = ("Ball", "Ant", "Quadruped")


def make(body: str = "Ant", **kwargs) -> GapTask:
    return gymnasium.make(f"skill/Gap-{body}-v0", **kwargs).unwrapped


def still(env: GapTask):
    return env.step(np.zeros(env.action_space.shape))


def floor_below(env: GapTask, x: float) -> bool:
    """Whether either platform is under the corridor's axis at ``x``, by the compiled geometry."""
    env._simulation.forward()
    data, model = env._simulation.data, env._simulation.model
    spans = []
    for name in ("near", "far"):
        geom = model.geom(name).id
        middle, half = data.geom_xpos[geom, 0], model.geom_size[geom, 0]
        spans.append(middle - half <= x <= middle + half)
    return any(spans)


def test_a_corridor_with_one_gap_in_the_middle():
    env = make()
    for seed in range(5):
        env.reset(seed=seed)
        gap = env._gap
        assert (gap.near + gap.far) / 2 == pytest.approx(LENGTH / 2)
        bare = [x for x in np.linspace(0.0, LENGTH, 1201) if not floor_below(env, x)]
        assert min(bare) == pytest.approx(gap.near, abs=0.02)
        assert max(bare) == pytest.approx(gap.far, abs=0.02)
        assert len(bare) == pytest.approx(100 * gap.length, abs=2)  # in one piece


@pytest.mark.parametrize(
    ("body", "shortest", "longest"),
    [("Ant", 0.3, 2.5), ("Quadruped", 0.3, 2.5), ("Ball", 0.1, 0.35)],
)
def test_the_gaps_length_is_uniform_in_the_papers_range_and_for_the_ball_in_its_own(
    body, shortest, longest
):
    env = make(body)
    env.reset(seed=0)
    lengths = []
    for _ in range(400):
        env.reset()
        lengths.append(env._gap.length)
    edge = (longest - shortest) / 40
    assert shortest <= min(lengths) < shortest + edge and longest - edge < max(lengths) <= longest
    assert np.histogram(lengths, bins=4, range=(shortest, longest))[0].min() > 70


@pytest.mark.parametrize("body", BODIES)
def test_reward_is_the_speed_along_the_corridor(body):
    env, driver = make(body), Driver(body.lower())
    env.reset(seed=0)
    x, total = env._body.pose()[0], 0.0
    assert x == START
    for _ in range(60):
        _, reward, *_ = env.step(driver.drive(1.0, 0.0))
        after = env._body.pose()[0]
        assert reward == pytest.approx((after - x) / 0.05)
        x, total = after, total + reward
    assert total * 0.05 == pytest.approx(x - START) and x > START + 0.5


def test_observations_tell_position_and_length_of_the_gap():
    env = make()
    observation, _ = env.reset(seed=3)
    assert set(observation) == {"proprioception", "task"}
    for pose in ((START, 0.0, 0.0), (5.0, 1.0, 0.6), (2.0, -1.0, -2.0)):
        env._body.place(*pose)
        near, far, length = np.split(env._observation(env._body.pose())["task"], [2, 4])
        x, y, yaw = pose
        for edge, place in ((near, env._gap.near), (far, env._gap.far)):
            ahead = math.cos(yaw) * (place - x) + math.sin(yaw) * (0.0 - y)
            left = -math.sin(yaw) * (place - x) + math.cos(yaw) * (0.0 - y)
            assert edge == pytest.approx([ahead, left], abs=1e-5)
        assert np.hypot(*(far - near)) == pytest.approx(length[0], abs=1e-5)
        assert length[0] == pytest.approx(env._gap.length)


@pytest.mark.parametrize("body", BODIES)
def test_falling_into_the_gap_ends_the_episode(body):
    env = make(body)
    env.reset(seed=0)
    env._gap.open(2.5)
    env._body.place(LENGTH / 2, 0.0, 0.0)
    for _ in range(40):
        _, _, terminated, truncated, info = still(env)
        if terminated:
            break
    assert terminated and not truncated and not info["success"]
    assert env._body.height() < -0.5


@pytest.mark.parametrize("body", BODIES)
def test_the_end_of_the_corridor_is_success(body):
    env, driver = make(body), Driver(body.lower())
    env.reset(seed=0)
    env._body.place(LENGTH - 1.0, 0.0, 0.0)
    terminated = truncated = False
    while not (terminated or truncated):
        _, _, terminated, truncated, info = env.step(
            driver.towards(env._body.pose(), (LENGTH + 9, 0))
        )
    assert info["success"] and terminated and env._body.pose()[0] >= LENGTH


@pytest.mark.parametrize("length", GAP_LENGTHS_OF["ball"])
def test_a_ball_driven_straight_ahead_crosses_its_shortest_and_its_longest_gap(length):
    env, driver = make("Ball"), Driver("ball")
    env.reset(seed=0)
    env._gap.open(length)
    terminated = truncated = False
    while not (terminated or truncated):
        _, _, terminated, truncated, info = env.step(driver.drive(1.0, 0.0))
    assert info["success"] and terminated


@pytest.mark.parametrize("body", ["Ant", "Quadruped"])
def test_a_jump_crosses_the_longest_gap(body):
    env = make(body)
    env.reset(seed=0)
    env._gap.open(2.5)
    env._body.place(env._gap.near - 0.5, 0.0, 0.0)
    env._simulation.data.qvel[[0, 2]] = 4.5, 3.5  # m/s ahead and up
    for _ in range(30):
        _, _, terminated, *_ = still(env)
        assert not terminated
    assert env._body.pose()[0] > env._gap.far and env._body.height() > 0.2


@pytest.mark.parametrize("body", ["Ant", "Quadruped"])
def test_one_in_flight_over_the_far_edge_of_the_longest_gap_lands_and_walks_to_success(body):
    env, driver = make(body), Driver(body.lower())
    env.reset(seed=0)
    env._gap.open(2.5)
    env._body.place(env._gap.far, 0.0, 0.0)  # its hind legs are over the gap
    env._simulation.data.qvel[[0, 2]] = 3.0, 2.0  # m/s ahead and up
    terminated = truncated = False
    while not (terminated or truncated):
        action = driver.towards(env._body.pose(), (LENGTH + 9, 0))
        _, _, terminated, truncated, info = env.step(action)
    assert info["success"] and terminated and env._body.pose()[0] >= LENGTH


def test_walls_hold_beside_the_gap():
    env, driver = make("Ball"), Driver("ball")
    env.reset(seed=0)
    for side in (1.0, -1.0):
        env._body.place(LENGTH / 2 - 2.0, 0.0, side * math.pi / 2)
        for _ in range(60):
            env.step(driver.drive(1.0, 0.0))
        assert abs(env._body.pose()[1]) < 2.0
    env._body.place(START, 0.0, math.pi)
    for _ in range(60):
        env.step(driver.drive(1.0, 0.0))
    assert env._body.pose()[0] > 0.15


def test_time_limit_truncates():
    env = make("Quadruped")
    env.reset(seed=0)
    for step in range(1, 401):
        _, _, terminated, truncated, _ = still(env)
        assert not terminated and truncated is (step == 400)
