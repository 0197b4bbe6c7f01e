"""What holds for every task of every body: seeds, walls, groups of observations, the camera."""

import math
from collections.abc import Iterator

import gymnasium
import numpy as np
import pytest

import skill_train.tasks  # noqa: F401
from skill_train.tasks.arena.bodies import make_body
from skill_train.tasks.arena.predicates import RULES
from tests.tasks.drivers import Driver

BODIES = ("Ball", "Ant", "Quadruped")
TASKS = ("GoToTarget", "Gap", *RULES)
STATE_IDS = [f"skill/{task}-{body}-v0" for task in TASKS for body in BODIES]
VISION_IDS = [id.replace("-v0", "-Vision-v0") for id in STATE_IDS]
SIDES = ("west", "east", "south", "north")
# Where the walls are, metres: 8x8, a corridor that is open in the east, 3x3 cells of 2 m.
WALLS = {
    "GoToTarget": (-4.0, 4.0, -4.0, 4.0),
    "Gap": (0.0, math.inf, -2.0, 2.0),
    **dict.fromkeys(RULES, (-3.0, 3.0, -3.0, 3.0)),
}


def make(id: str, **kwargs) -> gymnasium.Env:
    return gymnasium.make(id, disable_env_checker=True, **kwargs).unwrapped


def flat(observation) -> np.ndarray:
    return np.concatenate([np.ravel(observation[key]) for key in sorted(observation)])


def test_every_task_is_registered_for_every_body_with_and_without_a_camera():
    registered = {id for id in gymnasium.registry if any(f"-{body}-" in id for body in BODIES)}
    assert registered == {*STATE_IDS, *VISION_IDS} and len(registered) == 54


@pytest.mark.parametrize("id", STATE_IDS)
def test_same_seed_same_episode_and_other_seed_another(id):
    def episode(seed, env):
        rng = np.random.default_rng(0)
        rows = [env.reset(seed=seed)[0]]
        rows += [env.step(rng.uniform(-1, 1, env.action_space.shape))[0] for _ in range(15)]
        rows.append(env.reset()[0])
        return np.array([flat(row) for row in rows])

    used, fresh = make(id), make(id)
    first = episode(3, used)
    assert not np.array_equal(episode(4, used), first)
    np.testing.assert_array_equal(episode(3, fresh), first)
    np.testing.assert_array_equal(episode(3, used), first)  # use leaves nothing behind


def assert_inside(env: gymnasium.Env, task: str) -> None:
    """Body, feet, targets and the boxes' corners are between the walls, by compiled geometry."""
    model, data = env._simulation.model, env._simulation.data
    moving = (model.geom_bodyid > 0) & (model.body_mocapid[model.geom_bodyid] < 0)
    places = [data.geom_xpos[moving], data.site_xpos]
    if task in RULES:
        places.append(env._boxes.corners())
    x, y, z = np.concatenate(places).T
    west, east, south, north = WALLS[task]
    give = 0.05  # metres: contacts are soft
    assert west - give < x.min() and x.max() < east + give, task
    assert south - give < y.min() and y.max() < north + give, task
    assert task == "Gap" or z.min() > -give, task


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("task", TASKS)
def test_four_hundred_random_and_extreme_steps_stay_finite_and_inside(task, body):
    env = make(f"skill/{task}-{body}-v0")
    env.action_space.seed(0)
    env.reset(seed=0)
    steps = 0
    for step in range(400):
        action = env.action_space.sample()
        observation, reward, terminated, truncated, info = env.step(
            action if step < 200 else np.sign(action)
        )
        steps += 1
        assert env.observation_space.contains(observation) and np.isfinite(flat(observation)).all()
        assert np.isfinite(reward)
        assert_inside(env, task)
        in_the_gap = task == "Gap" and env._body.height() < -0.5
        assert terminated is (info["success"] or env._body.fallen() or in_the_gap)
        assert truncated is (steps == 400 and not terminated)
        if terminated or truncated:
            env.reset()
            steps = 0
    data = env._simulation.data
    assert all(data.warning[i].number == 0 for i in range(len(data.warning)))


def towards_wall(body: str, env: gymnasium.Env, task: str, wall: int) -> Iterator[np.ndarray]:
    """200 steps of driving against a wall; each gives the direction of the wall, a unit vector."""
    driver, ahead = Driver(body.lower()), np.sign(WALLS[task][wall]) * np.eye(2)[wall // 2]
    env._body.place(*(0.5 * ahead), math.atan2(ahead[1], ahead[0]))
    for _ in range(200):
        env.step(driver.towards(env._body.pose(), 9.0 * ahead))
        assert_inside(env, task)
        yield ahead


@pytest.mark.parametrize("wall", range(4), ids=SIDES)
@pytest.mark.parametrize("body", BODIES)
def test_walls_hold_a_body_that_is_driven_against_them(body, wall):
    env = make(f"skill/GoToTarget-{body}-v0")
    env.reset(seed=0)
    reached = [
        env._body.pose()[:2] @ ahead for ahead in towards_wall(body, env, "GoToTarget", wall)
    ]
    assert max(reached) > 4.0 - make_body(body.lower()).radius - 0.05


@pytest.mark.parametrize("wall", range(4), ids=SIDES)
@pytest.mark.parametrize("body", BODIES)
def test_walls_hold_a_box_that_is_pushed_against_them(body, wall):
    env = make(f"skill/MoveBoxEasy-{body}-v0")
    env.reset(seed=0)
    axis, there = wall // 2, WALLS["MoveBoxEasy"][wall]
    env._boxes.place(0, *(np.eye(2)[axis] * math.copysign(2.3, there)), 0.0)
    reached = [
        (env._boxes.corners()[:, :2] @ ahead).max()
        for ahead in towards_wall(body, env, "MoveBoxEasy", wall)
    ]
    assert reached[0] < 2.9 and max(reached) > 2.99


@pytest.mark.parametrize("task", TASKS)
def test_task_groups_do_not_depend_on_the_body(task):
    shapes = []
    for body in BODIES:
        space = make(f"skill/{task}-{body}-v0").observation_space
        shapes.append({k: v.shape for k, v in space.items() if k != "proprioception"})
    assert shapes[0] == shapes[1] == shapes[2] and shapes[0]


@pytest.mark.parametrize("id", VISION_IDS)
def test_vision_is_pixels_instead_of_target_coordinates(id):
    env, state = make(id), make(id.replace("-Vision", ""))
    space, other = env.observation_space, state.observation_space
    assert space["pixels"] == gymnasium.spaces.Box(0, 255, (64, 64, 3), np.uint8)
    assert space["proprioception"] == other["proprioception"]
    assert ("objects" in space.spaces) is ("objects" in other.spaces)
    coordinates = {"GoToTarget": 9, "Gap": 5}.get(id.split("/")[1].split("-")[0])
    if coordinates is None:
        coordinates = 3 * RULES[id.split("/")[1].split("-")[0]].targets
    sizes = [s["task"].shape[0] if "task" in s.spaces else 0 for s in (space, other)]
    assert sizes[1] - sizes[0] == coordinates


@pytest.mark.parametrize("task", ["GoToTarget", "MoveBoxMid"])
def test_pixels_are_what_the_body_sees_and_the_named_target_is_black(task):
    env = make(f"skill/{task}-Ball-Vision-v0")
    told = make(f"skill/{task}-Ball-v0")  # the same seed names the same target
    named = set()
    for seed in range(6):
        env.reset(seed=seed)
        one_hot = told.reset(seed=seed)[0]["task"][6:9]
        sites = [env._simulation.model.site(f"target_{i}") for i in range(3)]
        black = [tuple(site.rgba[:3]) == (0, 0, 0) for site in sites]
        np.testing.assert_array_equal(black, one_hot)
        assert len({tuple(site.rgba) for site in sites}) == 3
        named.add(black.index(True))
        x, y, _ = sites[black.index(True)].pos
        if task in RULES:  # out of sight
            env._boxes.place(0, -math.copysign(2.3, x), -math.copysign(2.3, y), 0.0)
        back = -1.5 if x > -2 else 1.5
        dark = {}
        for side, yaw in (("ahead", 0.0), ("behind", math.pi)):
            env._body.place(x + back, y, yaw if back < 0 else math.pi - yaw)
            pixels = env.step(np.zeros(2))[0]["pixels"]
            assert pixels.dtype == np.uint8 and pixels.shape == (64, 64, 3)
            dark[side] = int((pixels[32:] < 20).all(axis=-1).sum())  # the sky, black too, is above
        assert dark["ahead"] > 40 > dark["behind"] == 0
    assert len(named) > 1
    env.close()


def test_a_camera_and_a_picture_from_above_at_once():
    env = make("skill/MoveBoxHard-Quadruped-Vision-v0", render_mode="rgb_array")
    first, _ = env.reset(seed=0)
    above = env.render()
    assert above.shape == (256, 256, 3) and above.std() > 5
    again, _ = env.reset(seed=0)
    np.testing.assert_array_equal(first["pixels"], again["pixels"])
    env.close()
    gap = make("skill/Gap-Ant-v0", render_mode="rgb_array")
    gap.reset(seed=0)
    assert gap.render().shape == (128, 512, 3)
    gap.close()


def test_nothing_is_compiled_at_reset(monkeypatch):
    import mujoco

    envs = [make(f"skill/{task}-Ant-v0") for task in TASKS]
    monkeypatch.setattr(mujoco.MjSpec, "compile", lambda *_: pytest.fail("compiled"))
    for env in envs:
        model = env._simulation.model
        env.reset(seed=0)
        assert env._simulation.model is model
