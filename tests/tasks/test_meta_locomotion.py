"""HalfCheetah and Ant with hidden goals: rewards, observations and ends, against Gymnasium's."""

import numpy as np
import pytest

from skill_train.tasks.meta_locomotion import (
    ANT_DIR,
    ANT_GOAL,
    CHEETAH_DIR,
    CHEETAH_VEL,
    AntDir,
    AntGoal,
    HalfCheetahDir,
    HalfCheetahVel,
    make_trials,
)

SETS = {"vel": CHEETAH_VEL, "ant": ANT_DIR, "goal": ANT_GOAL}
SIZES = {HalfCheetahVel: 20, HalfCheetahDir: 20, AntDir: 27, AntGoal: 29}


@pytest.mark.parametrize("task", SIZES)
def test_observations_have_the_public_tasks_size(task):
    env = task()
    assert env.observation_space.shape == (SIZES[task],)
    seen, _ = env.reset(seed=0)
    assert seen.shape == (SIZES[task],)


def pushed(env, velocity: tuple[float, float], action: np.ndarray) -> tuple[float, np.ndarray]:
    """The reward of a step, and the torso's mean velocity over it."""
    env.reset(seed=0)
    env._body.data.qvel[:2] = velocity
    before = env._body.data.qpos[:2].copy()
    _, reward, *_ = env.step(action)
    return reward, (env._body.data.qpos[:2] - before) / 0.05


def test_the_cheetahs_speed_and_direction_are_rewarded():
    action = np.full(6, 0.5, np.float32)
    reward, (ahead, _) = pushed(HalfCheetahVel(speed=1.5), (2.0, 0.0), action)
    assert ahead > 0.5
    assert reward == pytest.approx(-abs(ahead - 1.5) - 0.05 * 6 * 0.25)
    for direction in (1, -1):
        reward, (ahead, _) = pushed(HalfCheetahDir(direction), (2.0, 0.0), action)
        assert reward == pytest.approx(direction * ahead - 0.05 * 6 * 0.25)


def test_the_ants_direction_and_place_are_rewarded():
    action = np.full(8, 0.5, np.float32)
    reward, velocity = pushed(AntDir(angle=90.0), (0.5, 1.0), action)
    assert reward == pytest.approx(velocity[1] - 0.5 * 8 * 0.25 + 1.0)
    env = AntGoal(goal=(1.0, -2.0))
    reward, _ = pushed(env, (0.5, 1.0), action)
    x, y = env._body.data.qpos[:2]
    assert reward == pytest.approx(-abs(x - 1.0) - abs(y + 2.0) - 0.1 * 8 * 0.25)


def test_only_the_running_ant_can_fall():
    action = np.zeros(8, np.float32)
    for task, falls in ((AntDir, True), (AntGoal, False)):
        env = task()
        env.reset(seed=0)
        env._body.data.qpos[2] = 3.0
        _, _, terminated, truncated, _ = env.step(action)
        assert (terminated, truncated) == (falls, False)


def test_a_fall_forfeits_its_episode_and_in_the_last_one_ends_the_trial_for_good():
    trial = make_trials("AntDir", episodes=2)
    trial.reset(seed=0)
    ends = []
    for _ in range(2):
        trial.env._body.data.qpos[2] = 3.0
        seen, _, terminated, truncated, _ = trial.step(np.zeros(8, np.float32))
        ends.append((float(seen["new_episode"][0]), terminated, truncated))
    assert ends == [(1.0, False, False), (0.0, True, False)]


def test_episodes_are_truncated_and_the_start_is_seeded():
    env = HalfCheetahVel(episode_steps=2)
    first, second = env.reset(seed=3)[0], env.reset(seed=3)[0]
    np.testing.assert_array_equal(first, second)
    action = np.zeros(6, np.float32)
    assert not env.step(action)[3]
    assert env.step(action)[3]


@pytest.mark.parametrize("name", SETS)
def test_training_and_test_tasks_never_overlap(name):
    train, test = SETS[name]
    assert train.family is test.family
    assert not set(train.tasks) & set(test.tasks)
    goals = [tuple(goal.kwargs.items()) for goal in train.family.goals]
    assert len(set(goals)) == len(goals)
    assert test.num_tasks >= 14


def test_the_cheetah_has_two_directions():
    assert CHEETAH_DIR.num_tasks == 2
