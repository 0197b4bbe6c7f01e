"""Manipulation: one test for each sentence of appendix E.2.1 and row of the spec's table."""

import math

import gymnasium
import numpy as np
import pytest

import skill_train.tasks  # noqa: F401
from skill_train.tasks.arena.egocentric import points_seen_from, seen_from
from skill_train.tasks.arena.manipulation import Manipulation
from skill_train.tasks.arena.predicates import RULES, BodyInTarget, BoxesTouch, BoxOnTarget
from tests.tasks.drivers import Driver

BODIES = ("Ball", "Ant", "Quadruped")
HALF_EDGE = HALF_REGION = 0.5  # metres, the authors' released tasks


def make(task: str, body: str = "Ball", **kwargs) -> Manipulation:
    return gymnasium.make(f"skill/{task}-{body}-v0", **kwargs).unwrapped


def footprint(env: Manipulation, box: int) -> np.ndarray:
    return env._boxes.corners()[8 * box : 8 * box + 8 : 2, :2]


def still(env: Manipulation):
    return env.step(np.zeros(env.action_space.shape))


def put(env: Manipulation, predicate) -> None:
    """Place things so that ``predicate`` holds, the body on the other side of the room."""
    if isinstance(predicate, BodyInTarget):
        env._body.place(*env._targets.places[predicate.target], 0.0)
    elif isinstance(predicate, BoxOnTarget):
        env._boxes.place(predicate.box, *env._targets.places[predicate.target], 0.3)
    else:
        x, y, _ = env._boxes.centre(predicate.first)
        sign = -1.0 if x > 0 else 1.0
        for box, shift in ((predicate.first, 0.0), (predicate.second, sign * 0.999)):
            env._boxes.place(box, x + shift, y, 0.0)


@pytest.mark.parametrize(
    ("task", "boxes", "targets", "mass"),
    [
        ("MoveBoxEasy", 1, 1, 1.5),
        ("MoveBoxMid", 1, 3, 1.5),
        ("MoveBoxHard", 2, 2, 1.5),
        ("MoveBoxHeavy", 1, 1, 2.0),
        ("Gather", 2, 0, 1.5),
        ("MoveBoxOrGoToTarget", 1, 2, 1.5),
        ("MoveBoxAndGoToTarget", 1, 2, 1.5),
    ],
)
def test_boxes_and_targets_of_the_table(task, boxes, targets, mass):
    env = make(task)
    env.reset(seed=0)
    model = env._simulation.model
    names = [model.body(i).name for i in range(model.nbody)]
    assert sum(name.startswith("box_") for name in names) == boxes
    assert model.nsite == targets == len(env._targets.places)
    for box in range(boxes):
        assert model.body(f"box_{box}").mass[0] == pytest.approx(mass)
        np.testing.assert_array_equal(model.geom(f"box_{box}").size, HALF_EDGE)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("task", RULES)
def test_places_are_random_apart_and_inside(task, body):
    """No construction fault: nothing overlaps, and nothing is where it should be brought."""
    env = make(task, body)
    env.reset(seed=0)
    radius = env._radius
    starts, cells = [], set()
    for _ in range(60):
        env.reset()
        x, y, _ = env._body.pose()
        targets = np.array(env._targets.places).reshape(-1, 2)
        boxes = [footprint(env, i) for i in range(env._rules.boxes)]
        assert max(abs(x), abs(y)) + radius <= 3.0
        assert not env._simulation.data.contact.geom.shape[0] or all(
            0 in pair for pair in env._simulation.data.contact.geom.tolist()
        )  # whatever touches anything touches the floor, geom 0
        for corners in boxes:
            centre = corners.mean(axis=0)
            assert np.abs(corners).max() < 3.0
            assert np.abs(centre).max() + math.sqrt(0.5) + 0.4 < 3.0  # the ball fits behind it
            assert np.hypot(*(centre - (x, y))) > radius + math.sqrt(0.5)
            assert (np.abs(targets - centre).max(axis=1) > HALF_REGION + HALF_EDGE).all()
        assert (np.abs(targets - (x, y)).max(axis=1) > HALF_REGION).all()
        assert np.abs(targets).max(initial=0.0) + HALF_REGION <= 3.0
        apart = np.abs(targets[:, None] - targets).max(axis=-1)[np.triu_indices(len(targets), 1)]
        assert (apart >= 2 * HALF_REGION).all()
        if len(boxes) == 2:
            # Each in its own cell of 2 m, with a gap.
            near = [np.round(corners.mean(axis=0) / 2).tolist() for corners in boxes]
            assert near[0] != near[1]
            for corners, cell in zip(boxes, near, strict=True):
                assert np.abs(corners - 2 * np.array(cell)).max() < 1.0
        assert not any(p.holds((x, y, 0.0), env._targets.places, env._boxes) for p in goal(env))
        starts.append((x, y))
        cells.add(tuple(np.round(np.array((x, y)) / 2)))
    assert len(cells) == 9
    assert np.abs(np.mean(starts, axis=0)).max() < 0.8


def goal(env: Manipulation):
    return env._goal.predicates


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("task", RULES)
def test_no_episode_begins_with_a_reward(task, body):
    env = make(task, body)
    env.reset(seed=1)
    rng = np.random.default_rng(0)
    for episode in range(40):
        env.reset()
        for _ in range(4):
            action = rng.uniform(-1, 1, env.action_space.shape) if episode % 2 else 0.0
            _, reward, terminated, _, info = env.step(action * np.ones(env.action_space.shape))
            assert (reward, terminated, info["success"]) == (0.0, False, False)


def test_the_area_is_fixed_three_by_three_cells_of_two_metres():
    model = make("MoveBoxMid")._simulation.model
    np.testing.assert_array_equal(model.geom("floor").size[:2], [3.0, 3.0])


@pytest.mark.parametrize("task", ["MoveBoxEasy", "MoveBoxMid", "MoveBoxHard", "MoveBoxHeavy"])
@pytest.mark.parametrize("body", BODIES)
def test_move_box_pays_60_and_ends_when_the_box_is_on_the_target(task, body):
    env = make(task, body)
    env.reset(seed=2)
    assert isinstance(goal(env)[0], BoxOnTarget)
    put(env, goal(env)[0])
    _, reward, terminated, truncated, info = still(env)
    assert (reward, terminated, truncated, info["success"]) == (60.0, True, False, True)


def test_another_box_or_another_target_is_no_success():
    env = make("MoveBoxHard")
    env.reset(seed=2)
    named = goal(env)[0]
    wrong = BoxOnTarget(1 - named.box, named.target)
    for predicate in (wrong, BoxOnTarget(named.box, 1 - named.target), BodyInTarget(named.target)):
        env.reset(seed=2)
        put(env, predicate)
        _, reward, terminated, _, info = still(env)
        assert (reward, terminated, info["success"]) == (0.0, False, False)


def test_one_of_the_boxes_and_one_of_the_targets_are_drawn_at_random():
    env = make("MoveBoxHard")
    env.reset(seed=0)
    drawn = []
    for _ in range(200):
        env.reset()
        drawn.append((goal(env)[0].box, goal(env)[0].target))
    assert min(drawn.count(pair) for pair in set(drawn)) > 30 and len(set(drawn)) == 4


def test_the_edge_of_the_region_counts_and_a_step_beyond_does_not():
    env = make("MoveBoxEasy")
    env.reset(seed=0)
    x, y = env._targets.places[0]
    sign = -1.0 if x > 0 else 1.0
    for shift, success in ((0.49, True), (0.51, False)):
        env.reset(seed=0)
        env._boxes.place(0, x + sign * shift, y, 0.0)
        assert still(env)[4]["success"] is success


@pytest.mark.parametrize("body", BODIES)
def test_gather_pays_60_when_the_boxes_touch(body):
    env = make("Gather", body)
    env.reset(seed=0)
    assert goal(env) == (BoxesTouch(0, 1),)
    put(env, goal(env)[0])
    _, reward, terminated, truncated, info = still(env)
    assert (reward, terminated, truncated, info["success"]) == (60.0, True, False, True)
    env.reset(seed=0)
    put(env, goal(env)[0])
    x, y, _ = env._boxes.centre(1)
    env._boxes.place(1, x + math.copysign(0.05, x - env._boxes.centre(0)[0]), y, 0.0)
    assert still(env)[1] == 0.0


@pytest.mark.parametrize("body", BODIES)
def test_or_draws_one_of_two_sub_tasks_with_probability_a_half(body):
    env = make("MoveBoxOrGoToTarget", body)
    env.reset(seed=0)
    kinds = []
    for _ in range(200):
        observation, _ = env.reset()
        (predicate,) = goal(env)
        go = isinstance(predicate, BodyInTarget)
        np.testing.assert_array_equal(observation["task"][6:], [go, not go])
        assert observation["task"][4 + predicate.target] == 1.0
        kinds.append((go, predicate.target))
    assert set(kinds) == {(go, target) for go in (True, False) for target in (0, 1)}
    assert 70 < sum(go for go, _ in kinds) < 130
    seen = set()
    while len(seen) < 2:
        env.reset()
        (predicate,) = goal(env)
        other = (
            BoxOnTarget(0, predicate.target)
            if isinstance(predicate, BodyInTarget)
            else BodyInTarget(predicate.target)
        )
        put(env, other)
        assert still(env)[1:3] == (0.0, False)
        env.reset(seed=len(seen) + 5)
        (predicate,) = goal(env)
        put(env, predicate)
        assert still(env)[1:3] == (60.0, True)
        seen.add(type(predicate))


@pytest.mark.parametrize("body", BODIES)
def test_and_pays_10_for_each_sub_task_and_50_for_both(body):
    env = make("MoveBoxAndGoToTarget", body)
    observation, _ = env.reset(seed=0)
    move, go = goal(env)
    assert isinstance(move, BoxOnTarget) and go == BodyInTarget(1 - move.target)
    np.testing.assert_array_equal(observation["task"][4:6], np.eye(2)[move.target])
    np.testing.assert_array_equal(observation["task"][6:], [0, 0])
    put(env, move)
    observation, reward, terminated, _, info = still(env)
    assert (reward, terminated, info["success"]) == (10.0, False, False)
    np.testing.assert_array_equal(observation["task"][6:], [1, 0])
    assert still(env)[1] == 0.0  # once
    put(env, go)
    observation, reward, terminated, truncated, info = still(env)
    assert (reward, terminated, truncated, info["success"]) == (60.0, True, False, True)
    np.testing.assert_array_equal(observation["task"][6:], [1, 1])


def test_and_cannot_be_farmed_and_needs_both_at_once():
    env = make("MoveBoxAndGoToTarget")
    env.reset(seed=0)
    move, go = goal(env)
    x, y, yaw = env._body.pose()
    rewards = []
    for _ in range(3):
        put(env, go)
        rewards.append(still(env)[1])
        env._body.place(x, y, yaw)
        rewards.append(still(env)[1])
    put(env, move)  # the body is no longer in its target
    _, reward, terminated, _, _ = still(env)
    assert rewards == [10.0, 0.0, 0.0, 0.0, 0.0, 0.0] and (reward, terminated) == (10.0, False)
    put(env, go)
    assert still(env)[1:3] == (50.0, True)


@pytest.mark.parametrize("task", RULES)
def test_observations_are_egocentric_targets_a_one_hot_and_corners(task):
    env = make(task, "Ant")
    for seed in range(3):
        observation, _ = env.reset(seed=seed)
        pose, rules = env._body.pose(), env._rules
        corners = observation["objects"].reshape(rules.boxes, 8, 3)
        x, y, yaw = pose
        turn = np.array([[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]])
        for box in range(rules.boxes):
            model, data = env._simulation.model, env._simulation.data
            geom = model.geom(f"box_{box}").id
            signs = np.array([(i, j, k) for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)])
            truth = data.geom_xpos[geom] + 0.5 * signs @ data.geom_xmat[geom].reshape(3, 3).T
            np.testing.assert_allclose(
                corners[box, :, :2] @ turn.T + (x, y), truth[:, :2], atol=1e-5
            )
            np.testing.assert_allclose(corners[box, :, 2], truth[:, 2], atol=1e-5)
        if not rules.targets:
            assert "task" not in observation
            continue
        told = observation["task"]
        places = told[: 2 * rules.targets].reshape(-1, 2) @ turn.T + (x, y)
        np.testing.assert_allclose(places, env._targets.places, atol=1e-5)
        # The sites that are drawn, and that a camera sees, stand there as well.
        np.testing.assert_allclose(
            env._simulation.data.site_xpos[: rules.targets, :2], places, atol=1e-5
        )
        one_hot = told[2 * rules.targets : 3 * rules.targets]
        np.testing.assert_array_equal(one_hot, np.eye(rules.targets)[env._goal.target])
        if rules.boxes == 2:
            np.testing.assert_array_equal(told[3 * rules.targets :], np.eye(2)[goal(env)[0].box])


def test_egocentric_frames_are_invariant_to_where_the_scene_is_and_how_it_is_turned():
    rng = np.random.default_rng(0)
    points, pose = rng.normal(size=(8, 3)), (0.3, -1.2, 0.8)
    for angle, shift in ((1.0, (2.0, 3.0)), (-2.5, (-1.0, 0.5))):
        cos, sin = math.cos(angle), math.sin(angle)
        turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])
        moved = points @ turn.T + (*shift, 0.0)
        x, y = (turn[:2, :2] @ pose[:2] + shift).tolist()
        moved_pose = (x, y, pose[2] + angle)
        np.testing.assert_allclose(
            points_seen_from(moved_pose, moved), points_seen_from(pose, points), atol=1e-12
        )
        np.testing.assert_allclose(
            seen_from(moved_pose, moved[:, :2]), points_seen_from(pose, points)[:, :2].ravel()
        )
    assert seen_from((1.0, 1.0, math.pi / 2), [(1.0, 3.0), (0.0, 1.0)]) == pytest.approx(
        [2, 0, 0, 1]
    )


@pytest.mark.parametrize("body", ["Ant", "Quadruped"])
def test_falling_over_ends_the_episode_without_reward(body):
    env = make("MoveBoxEasy", body)
    env.reset(seed=0)
    env._simulation.data.qpos[2] += 0.5
    env._simulation.data.qpos[3:7] = 0.0, 1.0, 0.0, 0.0  # upside down
    _, reward, terminated, truncated, info = still(env)
    assert (reward, terminated, truncated, info["success"]) == (0.0, True, False, False)


@pytest.mark.parametrize("body", ["Ball", "Quadruped"])
def test_four_hundred_steps(body):
    env = make("Gather", body)
    env.reset(seed=0)
    for step in range(1, 401):
        _, _, terminated, truncated, _ = still(env)
        assert not terminated and truncated is (step == 400)


def scripted(env: Manipulation, driver: Driver, wall: float, clearance: float) -> float:
    """Drive until the episode ends; returns its sum of rewards."""
    total, done = 0.0, False
    while not done:
        unpaid = [p for p, paid in zip(goal(env), env._paid, strict=True) if not paid]
        predicate, pose = unpaid[0], env._body.pose()
        if isinstance(predicate, BodyInTarget):
            action = driver.towards(pose, env._targets.places[predicate.target])
        else:
            if isinstance(predicate, BoxOnTarget):
                box, place = predicate.box, env._targets.places[predicate.target]
            else:
                box, place = 0, env._boxes.centre(1)[:2]
            action = driver.push(pose, env._boxes.centre(box), place, wall, clearance)
        _, reward, terminated, truncated, _ = env.step(action)
        total, done = total + reward, terminated or truncated
    return total


@pytest.mark.parametrize("task", RULES)
def test_a_scripted_ball_succeeds(task):
    env = make(task)
    totals = []
    for seed in range(8):
        env.reset(seed=seed)
        totals.append(scripted(env, Driver("ball"), wall=2.78, clearance=0.95))
    best = 70.0 if task == "MoveBoxAndGoToTarget" else 60.0
    assert totals.count(best) >= 5 and set(totals) <= {0.0, 10.0, best}


@pytest.mark.parametrize("body", ["Ant", "Quadruped"])
@pytest.mark.parametrize("task", ["MoveBoxEasy", "MoveBoxHeavy"])
def test_scripted_walkers_push_a_box_onto_a_target(task, body):
    env = make(task, body)
    driver = Driver(body.lower())
    env.reset(seed=0)
    x, y = env._targets.places[0]
    back = -1.0 if x > 0 else 1.0  # from a target by a wall towards the middle
    env._boxes.place(0, x + 0.8 * back, y, 0.0)
    env._body.place(x + 2.4 * back, y, math.pi if back > 0 else 0.0)
    terminated = truncated = False
    while not (terminated or truncated):
        action = driver.towards(env._body.pose(), (x, y))
        _, _, terminated, truncated, info = env.step(action)
    assert info["success"]


def test_unknown_tasks_are_named():
    with pytest.raises(ValueError, match="no manipulation task 'Juggle'"):
        Manipulation("Juggle")
