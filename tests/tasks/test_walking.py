"""The humanoid and its walking task: one test for each sentence of their rules."""

from __future__ import annotations

import math

import gymnasium
import mujoco
import numpy as np
import pytest

import skill_train.tasks  # noqa: F401
from skill_train.tasks.arena.walking import DIRECTIONS, SPEED, TOLERANCE, Walking

WALKING, GO_TO_TARGET = "skill/Walking-Humanoid-v0", "skill/GoToTarget-Humanoid-v0"
NAMES = ("ahead", "left", "back", "right")
STILL = np.zeros(21, np.float32)


def make(id: str = WALKING, **kwargs):
    return gymnasium.make(id, disable_env_checker=True, **kwargs).unwrapped


def stand(env) -> None:
    """Keep the humanoid upright whatever it does, as if on a rail: gravity is off."""
    env._simulation.model.opt.gravity[:] = 0.0


def push(env, ahead: float, left: float) -> float:
    """One step with the torso set to a velocity in its own frame; gives the reward."""
    yaw = env._body.pose()[2]
    turn = np.array([[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]])
    env._simulation.data.qvel[:] = 0.0
    env._simulation.data.qvel[:2] = turn @ (ahead, left)
    return env.step(STILL)[1]


def test_the_humanoid_has_the_papers_coordinates_and_actuators():
    model = make()._simulation.model
    assert (model.nq, model.nu) == (28, 21)
    np.testing.assert_array_equal(model.actuator_ctrlrange, [[-1.0, 1.0]] * 21)
    assert model.body_subtreemass[0] == pytest.approx(41, abs=1)


def test_proprioception_entry_by_entry():
    env = make()
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(10):
        seen = env.step(env.action_space.sample())[0]
    felt, data = seen["proprioception"], env._simulation.data
    turn = np.empty(9)
    mujoco.mju_quat2Mat(turn, data.qpos[3:7])
    turn = turn.reshape(3, 3)
    assert felt.shape == (56,) and felt.dtype == np.float32
    assert felt[0] == pytest.approx(data.qpos[2], abs=1e-6)
    np.testing.assert_allclose(felt[1:4], turn.T @ (0, 0, 1), atol=1e-6)
    np.testing.assert_allclose(felt[4:7], turn.T @ data.qvel[:3], atol=1e-5)
    np.testing.assert_allclose(felt[7:10], data.qvel[3:6], atol=1e-5)
    np.testing.assert_allclose(felt[10:31], data.qpos[7:], atol=1e-6)
    np.testing.assert_allclose(felt[31:52], data.qvel[6:], atol=1e-5)


def test_it_starts_on_its_soles_and_falls_without_its_motors():
    env = make()
    first, info = env.reset(seed=0)
    assert info == {}
    assert first["proprioception"][0] == pytest.approx(1.286)
    seen, *_ = env.step(STILL)
    np.testing.assert_array_equal(seen["proprioception"][-4:], 1.0)
    steps, terminated = 1, False
    while not terminated:
        _, _, terminated, truncated, info = env.step(STILL)
        assert not truncated and info == {}
        steps += 1
    assert steps < 200 and env._body.height() < 0.7


@pytest.mark.parametrize("direction", range(4), ids=NAMES)
def test_reward_is_one_for_the_right_velocity_and_a_gaussian_of_the_difference(direction):
    env = make()
    env.reset(seed=0)
    stand(env)
    env._direction = direction
    ahead, left = DIRECTIONS[direction]
    assert push(env, SPEED * ahead, SPEED * left) == pytest.approx(1.0, abs=0.02)
    for other in range(4):
        velocity = np.array(DIRECTIONS[other]) * SPEED
        off = np.hypot(*(velocity - SPEED * np.array((ahead, left))))
        expected = math.exp(-0.5 * (off / TOLERANCE) ** 2)
        assert push(env, *velocity) == pytest.approx(expected, abs=0.03)
    assert push(env, 0.0, 0.0) == pytest.approx(math.exp(-2.0), abs=0.02)


def test_directions_are_the_bodys_own():
    """Walking ahead pays the same whichever way the body looks."""
    env = make()
    env.reset(seed=0)
    stand(env)
    env._direction = NAMES.index("ahead")
    for yaw in (0.0, 1.0, -2.5):
        env._body.place(0.0, 0.0, yaw)
        env._before = (0.0, 0.0, yaw)
        assert push(env, SPEED, 0.0) == pytest.approx(1.0, abs=0.02)
        assert push(env, 0.0, SPEED) < 0.1


def test_the_direction_is_seen_drawn_at_random_and_changed_half_way():
    env = make(episode_steps=10)
    seen = set()
    for seed in range(20):
        first, _ = env.reset(seed=seed)
        stand(env)
        shown = [first["task"].argmax()] + [env.step(STILL)[0]["task"].argmax() for _ in range(10)]
        assert len(set(shown[:5])) == 1 and len(set(shown[5:])) == 1
        assert shown[4] != shown[5]
        seen |= {(shown[4], shown[5])}
    assert {a for a, _ in seen} == {0, 1, 2, 3} == {b for _, b in seen}


def test_the_reward_of_a_step_is_for_the_direction_that_was_shown_before_it():
    env = make(episode_steps=2)
    env.reset(seed=0)
    stand(env)
    shown = DIRECTIONS[env._direction]
    assert push(env, SPEED * shown[0], SPEED * shown[1]) == pytest.approx(1.0, abs=0.02)
    assert DIRECTIONS[env._direction] != shown


def test_an_episode_lasts_twenty_seconds():
    for id in (WALKING, GO_TO_TARGET):
        env = make(id)
        assert env._episode_steps * 0.025 == 20.0
        assert env._simulation.physics_steps * 0.005 == pytest.approx(0.025)


def test_walls_are_out_of_reach_at_the_walks_speed():
    env: Walking = make()
    half = env._simulation.model.geom("floor").size[0]
    assert half > SPEED * 20.0 / 2 + 0.45


def test_go_to_target_names_one_target_and_pays_on_arrival_only():
    env = make(GO_TO_TARGET)
    seen, info = env.reset(seed=0)
    assert seen["task"].shape == (3,) and seen["task"][2] == 1.0
    assert info == {"success": False}
    assert env.step(STILL)[1] == 0.0
    env._body.place(*env._targets[0], 0.3)
    _, reward, terminated, _, info = env.step(STILL)
    assert (reward, terminated, info["success"]) == (60.0, True, True)


def test_the_radius_covers_the_body_where_it_starts():
    env = make()
    env.reset(seed=0)
    env._body.place(0.0, 0.0, 0.0)
    env._simulation.forward()
    model, data = env._simulation.model, env._simulation.data
    away = 0.0
    for g in range(model.ngeom):
        if model.body(model.geom_bodyid[g]).name.startswith("humanoid_"):
            half = model.geom_size[g, 1]
            axis = data.geom_xmat[g].reshape(3, 3)[:2, 2]
            for end in (data.geom_xpos[g][:2] + half * axis, data.geom_xpos[g][:2] - half * axis):
                away = max(away, float(np.hypot(*end)) + float(model.geom_size[g, 0]))
    assert 0.8 * 0.45 < away <= 0.45


def test_its_camera_looks_ahead():
    env = make()
    env.reset(seed=0)
    env._body.place(0.0, 0.0, math.pi / 2)
    env._simulation.forward()
    camera = env._simulation.data.cam("egocentric")
    assert -camera.xmat.reshape(3, 3)[1, 2] > 0.9 and camera.xpos[1] > 0.0
