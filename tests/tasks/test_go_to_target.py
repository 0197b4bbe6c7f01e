"""GoToTarget: one test for each sentence of the task's rules, with the ball if any body will do."""

import math
import os
import subprocess
import sys

import gymnasium
import numpy as np
import pytest

import skill_train.tasks  # noqa: F401
from skill_train.tasks.arena.go_to_target import TARGET_HALF_SIZE, GoToTarget
from tests.tasks.drivers import Driver

ID = "skill/GoToTarget-Ball-v0"


def make(body: str = "Ball", **kwargs) -> GoToTarget:
    return gymnasium.make(f"skill/GoToTarget-{body}-v0", **kwargs).unwrapped


def targets_in_world(env: GoToTarget, task: np.ndarray) -> np.ndarray:
    """Undo the egocentric frame: [3, 2] places in the room."""
    x, y, yaw = env._body.pose()
    ahead, left = task[:6].reshape(3, 2).T
    return np.stack(
        [
            x + math.cos(yaw) * ahead - math.sin(yaw) * left,
            y + math.sin(yaw) * ahead + math.cos(yaw) * left,
        ],
        axis=1,
    )


def steer_to_named(task: np.ndarray) -> np.ndarray:
    """Turn towards the named target; drive when it is ahead."""
    named = int(task[6:].argmax())
    ahead, left = task[2 * named : 2 * named + 2]
    bearing = math.atan2(left, ahead)
    return np.array([max(0.0, math.cos(bearing)) ** 2, np.clip(2 * bearing, -1, 1)], np.float32)


def put_beside_named(env: GoToTarget, dx: float, dy: float, yaw: float = 0.0) -> None:
    x, y = env._targets[env._named]
    env._body.place(x + dx, y + dy, yaw)


def test_observations_are_named_float32_groups():
    env = make()
    observation, info = env.reset(seed=0)
    assert {k: (v.shape, v.dtype.name) for k, v in observation.items()} == {
        "proprioception": ((5,), "float32"),
        "task": ((9,), "float32"),
    }
    assert env.action_space == gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
    assert info == {"success": False}


def test_targets_are_egocentric_and_one_is_named():
    env = make()
    for seed in range(5):
        observation, _ = env.reset(seed=seed)
        places = targets_in_world(env, observation["task"])
        np.testing.assert_allclose(places, env._targets, atol=1e-5)
        # The sites that are drawn, and that a camera sees, stand there as well.
        np.testing.assert_allclose(env._simulation.data.site_xpos[:, :2], places, atol=1e-5)
        assert sorted(observation["task"][6:]) == [0.0, 0.0, 1.0]


def test_egocentric_signs_ahead_and_left():
    env = make()
    env.reset(seed=0)
    put_beside_named(env, dx=0.0, dy=-2.0, yaw=math.pi / 2)  # facing it
    task = env._observation(env._body.pose())["task"]
    assert task[2 * env._named : 2 * env._named + 2] == pytest.approx([2.0, 0.0], abs=1e-6)
    put_beside_named(env, dx=0.0, dy=-2.0, yaw=0.0)  # it is to the left
    task = env._observation(env._body.pose())["task"]
    assert task[2 * env._named : 2 * env._named + 2] == pytest.approx([0.0, 2.0], abs=1e-6)


@pytest.mark.parametrize("arena_size", [8.0, 4.0])
def test_places_are_random_apart_and_inside(arena_size):
    env = make(arena_size=arena_size)
    env.reset(seed=0)
    starts, yaws, named = [], [], []
    for _ in range(300):
        env.reset()
        x, y, yaw = env._body.pose()
        places = np.array([(x, y), *env._targets])
        apart = np.abs(places[:, None] - places[None]).max(-1)[np.triu_indices(4, 1)]
        assert apart.min() > 2 * TARGET_HALF_SIZE  # so no start is inside a success region
        assert np.abs(places).max() <= arena_size / 2 - TARGET_HALF_SIZE
        starts.append((x, y))
        yaws.append(yaw)
        named.append(env._named)
    reach = arena_size / 2 - TARGET_HALF_SIZE
    assert np.abs(np.mean(starts, axis=0)).max() < 0.15 * reach
    assert np.max(starts) > 0.95 * reach and np.min(starts) < -0.95 * reach
    assert np.histogram(yaws, bins=4, range=(-math.pi, math.pi))[0].min() > 50
    assert np.bincount(named, minlength=3).min() > 70


def test_success_is_60_once_and_terminates():
    env = make()
    env.reset(seed=1)
    put_beside_named(env, dx=-TARGET_HALF_SIZE - 0.02, dy=0.3)
    for _ in range(20):
        _, reward, terminated, truncated, info = env.step(np.array([1.0, 0.0]))
        assert info["success"] is terminated
        if terminated:
            break
        assert reward == 0.0
    assert (reward, terminated, truncated) == (60.0, True, False)
    x, y, _ = env._body.pose()
    named = env._targets[env._named]
    assert max(abs(x - named[0]), abs(y - named[1])) <= TARGET_HALF_SIZE


@pytest.mark.parametrize("body", ["Ball", "Ant", "Quadruped"])
def test_every_body_that_arrives_at_the_named_target_is_paid_60_and_done_and_not_before(body):
    env, driver = make(body), Driver(body.lower())
    env.reset(seed=1)
    named = env._targets[env._named]
    env._body.place(0.0, 0.0, math.atan2(named[1], named[0]) + 0.5)
    terminated = truncated = False
    while not (terminated or truncated):
        before = env._body.pose()
        _, reward, terminated, truncated, info = env.step(driver.towards(before, named))
        inside = np.abs(np.subtract(env._body.pose()[:2], named)).max() <= TARGET_HALF_SIZE
        assert info["success"] == terminated == inside and reward == 60.0 * inside
    assert terminated and np.abs(np.subtract(before[:2], named)).max() > TARGET_HALF_SIZE


def test_another_target_is_no_success():
    env = make()
    env.reset(seed=1)
    x, y = env._targets[(env._named + 1) % 3]
    env._body.place(x, y, 0.0)
    _, reward, terminated, _, info = env.step(np.zeros(2))
    assert (reward, terminated, info["success"]) == (0.0, False, False)


def test_time_limit_truncates_without_terminating():
    env = gymnasium.make(ID)
    env.reset(seed=0)
    for step in range(1, 401):
        _, reward, terminated, truncated, info = env.step(np.zeros(2))
        assert (reward, terminated, info["success"]) == (0.0, False, False)
        assert truncated is (step == 400)


def test_success_on_the_last_step_is_a_termination():
    env = make(episode_steps=1)
    env.reset(seed=0)
    put_beside_named(env, 0.0, 0.0)
    _, reward, terminated, truncated, _ = env.step(np.zeros(2))
    assert (reward, terminated, truncated) == (60.0, True, False)


def test_same_seed_same_episode_and_other_seed_another():
    def episode(seed):
        env = make()
        rng = np.random.default_rng(0)
        rows = [env.reset(seed=seed)[0]]
        rows += [env.step(rng.uniform(-1, 1, 2))[0] for _ in range(30)]
        rows.append(env.reset()[0])
        return np.array([np.concatenate(list(row.values())) for row in rows])

    np.testing.assert_array_equal(episode(3), episode(3))
    assert not np.array_equal(episode(3)[0], episode(4)[0])


def test_reset_after_use_equals_a_fresh_environment():
    used, fresh = make(), make()
    used.reset(seed=0)
    for _ in range(50):
        used.step(np.ones(2))
    a, b = used.reset(seed=7)[0], fresh.reset(seed=7)[0]
    for _ in range(20):
        a, b = used.step(np.array([1.0, 0.3]))[0], fresh.step(np.array([1.0, 0.3]))[0]
    np.testing.assert_array_equal(a["proprioception"], b["proprioception"])
    np.testing.assert_array_equal(a["task"], b["task"])


def test_environments_do_not_share_randomness():
    a, b = make(), make()
    first, _ = a.reset(seed=5)
    b.reset(seed=6)
    again, _ = a.reset(seed=5)
    np.testing.assert_array_equal(first["task"], again["task"])


def test_vector_of_environments_draws_different_episodes():
    envs = gymnasium.make_vec(ID, num_envs=4, vectorization_mode="sync")
    observation, _ = envs.reset(seed=0)
    assert len({row.tobytes() for row in observation["task"]}) == 4
    alone, _ = make().reset(seed=2)
    np.testing.assert_array_equal(observation["task"][2], alone["task"])


def test_roll_and_turn_do_what_they_say():
    env = make()
    env.reset(seed=0)
    env._body.place(0.0, 0.0, 0.0)
    for _ in range(20):
        observation, *_ = env.step(np.array([1.0, 0.0]))
    x, y, yaw = env._body.pose()
    assert x > 0.8 and abs(y) < 1e-3 and abs(yaw) < 1e-3
    forward, left, _, turn, rim = observation["proprioception"]
    assert forward > 1.5 and abs(left) < 1e-3 and abs(turn) < 1e-3
    assert rim == pytest.approx(forward, rel=0.05)  # it rolls, it does not slide
    env._body.place(0.0, 0.0, 0.0)
    for _ in range(10):
        observation, *_ = env.step(np.array([0.0, 1.0]))
    assert env._body.pose()[2] > 0.5 and observation["proprioception"][3] > 1.5  # to the left


def test_proprioception_does_not_tell_the_place():
    env = make()
    env.reset(seed=0)
    seen = []
    for x, y, yaw in ((0.0, 0.0, 0.0), (2.0, -1.0, 2.5)):
        env._body.place(x, y, yaw)
        seen.append([env.step(np.array([0.8, 0.5]))[0]["proprioception"] for _ in range(10)])
    np.testing.assert_allclose(seen[0], seen[1], atol=1e-4)


def test_walls_hold():
    env = make(arena_size=4.0, episode_steps=10_000)
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(2000):
        turn = rng.uniform(-1, 1)
        env.step(np.array([1.0, turn]))
        x, y, _ = env._body.pose()
        assert max(abs(x), abs(y)) < 2.0 - 0.15
        assert abs(env._simulation.data.qpos[2]) < 0.05  # and it does not climb them


def test_actions_beyond_the_range_are_clipped_and_nan_is_an_error():
    a, b = make(), make()
    a.reset(seed=0), b.reset(seed=0)
    one, many = a.step(np.array([1.0, -1.0]))[0], b.step(np.array([9.0, -9.0]))[0]
    np.testing.assert_array_equal(one["proprioception"], many["proprioception"])
    with pytest.raises(ValueError, match="finite"):
        a.step(np.array([np.nan, 0.0]))


def test_a_scripted_driver_reaches_every_target_in_the_full_arena():
    env = make()
    observation, _ = env.reset(seed=2)
    lengths = []
    for _ in range(40):
        terminated, truncated, steps = False, False, 0
        while not (terminated or truncated):
            observation, _, terminated, truncated, _ = env.step(steer_to_named(observation["task"]))
            steps += 1
        assert terminated
        lengths.append(steps)
        observation, _ = env.reset()
    assert 20 < np.mean(lengths) < 80


def test_render_shows_body_and_targets():
    env = make(render_mode="rgb_array")
    env.reset(seed=0)
    picture = env.render()
    assert picture.shape == (256, 256, 3) and picture.dtype == np.uint8
    green = (picture[..., 1] > 200) & (picture[..., 0] < 120) & (picture[..., 2] < 150)
    assert green.sum() > 100  # the named target, about 25 x 25 pixels
    put_beside_named(env, 0.0, -2.0)
    assert (env.render() != picture).any()
    env.close()
    assert make().render() is None


def test_rendering_chooses_a_backend_by_itself():
    code = (
        "import gymnasium, tasks; "
        f"env = gymnasium.make('{ID}', render_mode='rgb_array'); env.reset(seed=0); "
        "print(env.render().std() > 5)"  # and leaves without env.close()
    )
    unset = {k: v for k, v in os.environ.items() if k not in ("MUJOCO_GL", "PYOPENGL_PLATFORM")}
    done = subprocess.run([sys.executable, "-c", code], env=unset, capture_output=True, text=True)
    assert done.stdout.strip() == "True", done.stderr
    assert "Error" not in done.stderr


def test_no_opengl_is_one_sentence_that_names_the_packages(monkeypatch):
    from skill_train.tasks import rendering

    rendering.headless_backend.cache_clear()
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setattr(rendering, "_opens", lambda backend: False)
    with pytest.raises(RuntimeError, match=r"libosmesa6.*libegl1"):
        rendering.headless_backend()
    rendering.headless_backend.cache_clear()


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="no body 'cat'"):
        GoToTarget(body="cat")
    with pytest.raises(ValueError, match="too small"):
        make(arena_size=2.5)
    with pytest.raises(ValueError, match="render_mode"):
        GoToTarget(render_mode="human")
    with pytest.raises(ValueError, match="whole number"):
        make(control_step=0.012)


def test_importing_tasks_imports_no_mujoco():
    code = "import sys, tasks; print('mujoco' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
