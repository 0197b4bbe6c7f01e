"""Ball, ant and quadruped: actuators, proprioception, standing, moving, falling over."""

import math

import mujoco
import numpy as np
import pytest

from skill_train.tasks.arena.bodies import BODIES, make_body
from skill_train.tasks.arena.bodies.legged import START_HEIGHT
from skill_train.tasks.arena.rooms import square_room
from skill_train.tasks.simulation import Simulation
from tests.tasks.drivers import Driver

LEGGED = ("ant", "quadruped")


class Scene:
    """A body alone in a wide room."""

    def __init__(self, name: str) -> None:
        self.described = make_body(name)
        spec = square_room(30.0)
        self.described.build(spec)
        self.simulation = Simulation(spec, control_step=0.05)
        self.model, self.data = self.simulation.model, self.simulation.data
        self.body = self.described.bind(self.model, self.data)

    def place(self, x: float = 0.0, y: float = 0.0, yaw: float = 0.0) -> None:
        self.simulation.reset()
        self.body.place(x, y, yaw)
        self.simulation.forward()

    def steps(self, actions) -> np.ndarray:
        felt = []
        for action in actions:
            self.simulation.step(action)
            felt.append(self.body.proprioception())
        return np.array(felt)


@pytest.mark.parametrize(("name", "actuators"), [("ball", 2), ("ant", 8), ("quadruped", 12)])
def test_number_of_actuators_is_the_papers(name, actuators):
    scene = Scene(name)
    assert scene.model.nu == scene.described.action_size == actuators
    np.testing.assert_array_equal(scene.model.actuator_ctrlrange, [[-1.0, 1.0]] * actuators)


def test_ant_and_quadruped_have_four_legs_of_two_and_three_joints():
    for name, joints in (("ant", 2), ("quadruped", 3)):
        model = Scene(name).model
        assert model.njnt == 1 + 4 * joints
        legs = [model.joint(j).name.rsplit("_", 1)[0] for j in range(1, model.njnt)]
        assert [legs.count(leg) for leg in dict.fromkeys(legs)] == [joints] * 4
    ant, quadruped = Scene("ant").model, Scene("quadruped").model
    assert ant.body_subtreemass[0] == pytest.approx(quadruped.body_subtreemass[0])


@pytest.mark.parametrize("name", BODIES)
def test_proprioception_is_float32_of_the_size_it_says(name):
    scene = Scene(name)
    scene.place()
    felt = scene.body.proprioception()
    assert felt.dtype == np.float32 and felt.shape == (scene.described.proprioception_size,)


@pytest.mark.parametrize("name", BODIES)
def test_proprioception_does_not_tell_place_or_heading(name):
    scene = Scene(name)
    actions = np.random.default_rng(0).uniform(-1, 1, (8, scene.described.action_size))
    felt = []
    for x, y, yaw in ((0.0, 0.0, 0.0), (3.0, -2.0, 2.5)):
        scene.place(x, y, yaw)
        if name != "ball":  # in the air: friction's pyramids, along the world's axes, are no matter
            scene.data.qpos[2] += 3.0
        felt.append(scene.steps(actions))
    np.testing.assert_allclose(felt[0], felt[1], atol=1e-4)


@pytest.mark.parametrize("name", LEGGED)
def test_legged_proprioception_entry_by_entry(name):
    scene = Scene(name)
    scene.place(yaw=0.7)
    rng = np.random.default_rng(1)
    scene.steps(rng.uniform(-1, 1, (20, scene.described.action_size)))
    felt, data, joints = scene.body.proprioception(), scene.data, scene.described.action_size
    turn = np.empty(9)
    mujoco.mju_quat2Mat(turn, data.qpos[3:7])
    turn = turn.reshape(3, 3)
    assert felt[0] == pytest.approx(data.qpos[2], abs=1e-6)
    np.testing.assert_allclose(felt[1:4], turn.T @ (0, 0, 1), atol=1e-6)
    np.testing.assert_allclose(felt[4:7], turn.T @ data.qvel[:3], atol=1e-5)
    np.testing.assert_allclose(felt[7:10], data.qvel[3:6], atol=1e-5)
    np.testing.assert_allclose(felt[10 : 10 + joints], data.qpos[7:], atol=1e-6)
    np.testing.assert_allclose(felt[10 + joints : -4], data.qvel[6:], atol=1e-5)
    assert set(felt[-4:]) <= {0.0, 1.0}
    assert scene.body.pose()[2] == pytest.approx(math.atan2(turn[1, 0], turn[0, 0]))


@pytest.mark.parametrize("name", LEGGED)
def test_stands_on_its_feet_without_its_motors(name):
    scene = Scene(name)
    scene.place(yaw=1.0)
    assert scene.body.height() == START_HEIGHT
    felt = scene.steps(np.zeros((200, scene.described.action_size)))
    assert felt[:, 0].min() > 0.35 and felt[:, 0].max() < 0.6
    np.testing.assert_array_equal(felt[-1, -4:], 1.0)
    x, y, yaw = scene.body.pose()
    assert math.hypot(x, y) < 0.1 and yaw == pytest.approx(1.0, abs=0.05)
    assert {tuple(sorted(g)) for g in scene.data.contact.geom} == {
        (scene.model.geom("floor").id, scene.model.geom(f"{name}_{leg}_shin").id)
        for leg in ("front_left", "front_right", "back_left", "back_right")
    }


@pytest.mark.parametrize("name", BODIES)
def test_moves_ahead_and_turns_when_actuated(name):
    scene, driver = Scene(name), Driver(name)
    scene.place()
    scene.steps(driver.drive(1.0, 0.0) for _ in range(150))
    x, y, _ = scene.body.pose()
    assert x > 3.0 and abs(y) < 2.0
    scene.place()
    scene.steps(driver.drive(0.0, 1.0) for _ in range(40))
    assert scene.body.pose()[2] > 0.5


@pytest.mark.parametrize("name", BODIES)
def test_every_actuator_moves_something_of_its_own_forward(name):
    scene = Scene(name)
    size = scene.described.action_size
    # The ball's are the speed of its rim (m/s) and its turn rate (rad/s), the others' joint speeds.
    own = [4, 3] if name == "ball" else list(range(10 + size, 10 + 2 * size))
    speeds = []
    for action in np.eye(size):
        scene.place()
        speeds.append(scene.steps([action])[-1][own])
    np.testing.assert_array_equal(np.argmax(speeds, axis=1), np.arange(size))
    assert np.diag(speeds).min() > 0.1


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("kind", ["random", "extreme", "alternating"])
def test_stays_finite_and_above_the_floor(name, kind):
    scene = Scene(name)
    scene.place()
    rng, size = np.random.default_rng(0), scene.described.action_size
    actions = {
        "random": rng.uniform(-1, 1, (400, size)),
        "extreme": np.sign(rng.uniform(-1, 1, (400, size))),
        "alternating": np.array([[(-1.0) ** t] * size for t in range(400)]),
    }[kind]
    felt = scene.steps(actions)
    assert np.isfinite(felt).all() and np.abs(felt).max() < 60.0
    assert all(scene.data.warning[i].number == 0 for i in range(len(scene.data.warning)))
    assert 0.15 < scene.body.height() < 2.0


@pytest.mark.parametrize("name", LEGGED)
def test_fallen_is_upside_down(name):
    scene = Scene(name)
    for roll, fallen in ((0.0, False), (1.4, False), (1.7, True), (math.pi, True), (-2.0, True)):
        scene.place()
        scene.data.qpos[3:7] = math.cos(roll / 2), math.sin(roll / 2), 0.0, 0.0
        assert scene.body.fallen() is fallen


def falls_of_random_actions(name: str, episodes: int) -> int:
    """In how many episodes of 400 steps it falls by uniform actions, each held for 5 steps."""
    scene, rng = Scene(name), np.random.default_rng(0)
    falls = 0
    for _ in range(episodes):
        scene.place()
        for action in rng.uniform(-1, 1, (80, scene.described.action_size)):
            scene.steps([action] * 5)
            if scene.body.fallen():
                falls += 1
                break
    return falls


def test_random_actions_seldom_flip_the_quadruped_and_never_the_ant():
    assert falls_of_random_actions("ant", 12) == 0
    assert falls_of_random_actions("quadruped", 12) <= 1


def test_a_ball_cannot_fall_over():
    scene = Scene("ball")
    scene.place()
    scene.steps(np.ones((50, 2)))
    assert not scene.body.fallen()


@pytest.mark.parametrize("name", BODIES)
def test_radius_covers_the_body_where_it_starts(name):
    scene = Scene(name)
    for yaw in np.linspace(-math.pi, math.pi, 9):
        scene.place(1.0, -2.0, float(yaw))
        for g in range(scene.model.ngeom):
            if scene.model.geom_bodyid[g]:
                half = scene.model.geom_size[g, 1] if name != "ball" else 0.0
                ends = scene.data.geom_xpos[g] + np.outer(
                    (-half, half), scene.data.geom_xmat[g].reshape(3, 3)[:, 2]
                )
                away = np.hypot(*(ends[:, :2] - (1.0, -2.0)).T).max()
                assert away + scene.model.geom_size[g, 0] <= scene.described.radius + 1e-6


@pytest.mark.parametrize("name", BODIES)
def test_its_camera_looks_ahead(name):
    scene = Scene(name)
    scene.place(yaw=math.pi / 2)
    camera = scene.data.cam("egocentric")
    looks = -camera.xmat.reshape(3, 3)[:, 2]
    assert looks[1] > 0.9 and abs(looks[0]) < 1e-6 and -0.4 < looks[2] <= 0.0
    assert camera.xpos[1] > 0.0
