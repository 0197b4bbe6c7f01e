"""What is handed out by environments stays as it was, whatever they do next."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from skill_train.actors.batched_env import BatchedEnv
from skill_train.actors.environments import Environments
from skill_train.actors.vector_env import VectorEnv
from tests.actors.counting import CountingEnv

TROUBLE = {(1, 1): "raise", (2, 1): "nan observation"}


class Rewriting(gymnasium.vector.VectorEnv):
    """Two environments of 3 steps that show the same arrays each time, with new numbers in them."""

    metadata = {"autoreset_mode": gymnasium.vector.AutoresetMode.NEXT_STEP}  # noqa: RUF012
    num_envs = 2
    single_observation_space = CountingEnv.observation_space
    single_action_space = CountingEnv.action_space

    def __init__(self) -> None:
        self.shown = {"count": np.zeros((2, 3), np.float32)}
        self.reward = np.zeros(2, np.float32)
        self.over = np.zeros(2, bool)
        self.never = np.zeros(2, bool)

    def reset(self, *, seed=None, options=None):
        self.shown["count"][(options or {}).get("reset_mask", slice(None))] = 0.0
        return self.shown, {}

    def step(self, actions):
        self.shown["count"][:, 2] = np.where(self.over, 0.0, self.shown["count"][:, 2] + 1)
        self.reward[:] = self.shown["count"][:, 2]
        self.over[:] = self.shown["count"][:, 2] == 3
        return self.shown, self.reward, self.over, self.never, {}


def one_by_one() -> VectorEnv:
    return VectorEnv(lambda task: CountingEnv(task, trouble=TROUBLE), [4, 5], seed=0)


@pytest.mark.parametrize("build", [one_by_one, lambda: BatchedEnv(Rewriting(), [0, 0], seed=0)])
def test_nothing_that_was_handed_out_is_written_again(build):
    """Through ends of episodes, failures and environments that wait and begin again."""
    envs: Environments = build()
    action = np.zeros((2, 2), np.float32)
    handed: list[np.ndarray] = [*envs.reset().values()]
    copies = [array.copy() for array in handed]
    for number in range(24):
        if number % 6 == 3:
            handed += envs.hold(np.array([False, number % 12 == 3])).values()
            copies += [array.copy() for array in handed[len(copies) :]]
        outcome = envs.step(action)
        handed += [*outcome.observation.values(), *outcome[1:4]]
        copies += [array.copy() for array in handed[len(copies) :]]
    for array, copy in zip(handed, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_one_that_waits_shows_the_same_first_observation_until_it_begins():
    envs = VectorEnv(CountingEnv, [4, 5], seed=0)
    envs.reset()
    action = np.zeros((2, 2), np.float32)
    envs.hold(np.array([False, True]))
    for step in (1, 2, 3):
        outcome = envs.step(action)
        assert outcome.acted.tolist() == [True, False]
        assert outcome.observation["count"].tolist() == [[4, 0, step], [5, 0, 0]]
        assert outcome.reward.tolist() == [step, 0.0]
    envs.hold(np.zeros(2, bool))
    outcome = envs.step(action)
    assert outcome.observation["count"].tolist() == [[4, 1, 0], [5, 0, 1]]


def test_a_second_reset_begins_new_episodes_and_counts_them_from_0():
    envs = VectorEnv(CountingEnv, [1], seed=0)
    envs.reset()
    envs.step(np.zeros((1, 2), np.float32))
    assert envs.reset()["count"].tolist() == [[1, 1, 0]]
    outcomes = [envs.step(np.zeros((1, 2), np.float32)) for _ in range(3)]
    assert [o.return_ for o in outcomes[-1].episodes] == [306.0]
