"""Several environments as one: the order of rows, and environments that fail."""

from __future__ import annotations

import logging

import gymnasium
import numpy as np
import pytest

from skill_train.actors.vector_env import BrokenTaskError, VectorEnv, environment_spec
from skill_train.replay.step import ArraySpec
from skill_train.skill_agents.agent import ContinuousAction, DiscreteAction
from tests.actors.counting import LENGTH, CountingEnv

ACTION = np.zeros((1, 2), np.float32)


def one(task: int = 0, **kwargs) -> VectorEnv:
    return VectorEnv(lambda t: CountingEnv(t, **kwargs), [task], seed=0)


def walk(envs: VectorEnv, steps: int) -> list[tuple]:
    """(episode, step, is_first) seen, then (acted, reward, discount) for each row of slot 0."""
    rows = []
    observation, is_first = envs.reset(), np.ones(envs.size, bool)
    for _ in range(steps):
        seen = (*observation["count"][0, 1:].astype(int).tolist(), bool(is_first[0]))
        outcome = envs.step(np.repeat(ACTION, envs.size, 0))
        result = outcome.acted[0], outcome.reward[0], outcome.discount[0]
        rows.append((seen, tuple(x.item() for x in result)))
        observation, is_first = outcome.observation, outcome.is_first
    return rows


@pytest.mark.parametrize(("task", "last_discount"), [(0, 0.0), (1, 1.0)])
def test_an_episode_of_l_actions_takes_l_plus_one_rows(task, last_discount):
    """Discount 0 after a termination, 1 after a time limit; nothing is done on the last row."""
    assert walk(one(task), 2 * (LENGTH + 1))[LENGTH - 1 :] == [
        ((0, 2, False), (True, 3.0, last_discount)),
        ((0, 3, False), (False, 0.0, 0.0)),
        ((1, 0, True), (True, 101.0, 1.0)),
        ((1, 1, False), (True, 102.0, 1.0)),
        ((1, 2, False), (True, 103.0, last_discount)),
        ((1, 3, False), (False, 0.0, 0.0)),
    ]


def test_results_tell_task_return_length_and_success():
    envs = VectorEnv(CountingEnv, [4, 7], seed=0)
    envs.reset()
    for _ in range(LENGTH):
        outcome = envs.step(np.zeros((2, 2), np.float32))
    assert outcome.ended == [0, 1]
    assert outcome.episodes == [(4, 6.0, 3, True, ()), (7, 6.0, 3, None, ())]
    for _ in range(LENGTH + 1):
        outcome = envs.step(np.zeros((2, 2), np.float32))
    assert [e.return_ for e in outcome.episodes] == [306.0, 306.0]


def test_actions_are_clipped_to_what_the_environment_takes():
    envs = one()
    envs.reset()
    envs.step(np.array([[-3.0, 0.5]], np.float32))
    assert envs.envs[0].actions[0].tolist() == [-1.0, 0.5]


@pytest.mark.parametrize("trouble", ["raise", "nan reward", "nan observation"])
def test_an_environment_that_fails_is_reset_counted_and_logged(trouble, caplog):
    envs = VectorEnv(
        lambda t: CountingEnv(t, trouble={(1, 2): trouble} if t == 5 else None), [4, 5], seed=0
    )
    envs.reset()
    action = np.zeros((2, 2), np.float32)
    with caplog.at_level(logging.WARNING):
        for _ in range(LENGTH + 2):
            outcome = envs.step(action)
            assert outcome.failed == []
        outcome = envs.step(action)
    assert outcome.failed == [1]
    assert np.isfinite(outcome.reward).all()
    assert envs.failures == 1
    assert outcome.is_first.tolist() == [False, True]
    assert outcome.acted.tolist() == [True, False], "no learner may use that step"
    assert outcome.observation["count"][1].tolist() == [5, 2, 0]
    failing = envs.envs[1]
    assert failing.seeds[-1] is not None and failing.seeds[-1] != failing.seeds[0]
    (record,) = caplog.records
    assert "task 5, slot 1" in record.getMessage()
    assert f"seed {failing.seeds[0]}" in record.getMessage()
    episodes = [e for _ in range(LENGTH) for e in envs.step(action).episodes]
    assert [(e.task, e.length) for e in episodes if e.task == 5] == [(5, LENGTH)]


def test_an_episode_that_ends_in_a_failure_is_no_result():
    envs = one(trouble={(0, LENGTH): "nan reward"})
    envs.reset()
    outcomes = [envs.step(ACTION) for _ in range(LENGTH)]
    assert outcomes[-1].failed == [0]
    assert outcomes[-1].episodes == [] and outcomes[-1].ended == []
    again = [envs.step(ACTION) for _ in range(LENGTH)]
    assert [e.return_ for e in again[-1].episodes] == [306.0], "only the new episode counts"


@pytest.mark.parametrize("trouble", ["raise", "nan observation"])
def test_a_reset_that_fails_is_tried_again_with_another_seed(trouble):
    envs = one(trouble={(1, 0): trouble})
    envs.reset()
    for _ in range(LENGTH + 1):
        outcome = envs.step(ACTION)
    assert outcome.failed == []
    assert outcome.observation["count"][0].tolist() == [0, 2, 0]
    assert outcome.is_first.all()


def test_an_environment_that_never_resets_stops_with_one_sentence():
    with pytest.raises(RuntimeError, match="task 3 failed to reset 5 times; the last error was"):
        one(task=3, trouble={(episode, 0): "raise" for episode in range(99)}).reset()


def test_slots_have_seeds_of_their_own_which_follow_from_the_one_given():
    def seeds(seed: int) -> list[int | None]:
        envs = VectorEnv(CountingEnv, [0, 0, 0], seed)
        envs.reset()
        return [env.seeds[0] for env in envs.envs]

    assert len(set(seeds(0))) == 3
    assert seeds(0) == seeds(0)
    assert not set(seeds(0)) & set(seeds(1))


def test_spaces_become_a_spec():
    spec = environment_spec(CountingEnv(0), num_tasks=9)
    assert spec.observation == {"count": ArraySpec((3,))}
    assert spec.action == ContinuousAction((-1.0, -1.0), (1.0, 1.0))
    assert spec.num_tasks == 9
    cart = environment_spec(gymnasium.make("CartPole-v1"))
    assert cart.observation == {"state": ArraySpec((4,))}
    assert cart.action == DiscreteAction(2)


def test_an_array_observation_is_a_group_of_its_own():
    envs = VectorEnv(lambda task: gymnasium.make("CartPole-v1"), [0, 0], seed=0)
    assert envs.reset()["state"].shape == (2, 4)
    outcome = envs.step(np.array([0, 1]))
    assert outcome.observation["state"].shape == (2, 4)
    assert outcome.reward.tolist() == [1.0, 1.0]


def test_spaces_that_no_agent_takes_are_refused():
    env = CountingEnv(0)
    env.observation_space = gymnasium.spaces.Dict({"mode": gymnasium.spaces.Discrete(3)})
    with pytest.raises(ValueError, match="observation 'mode' is .* every group must be a Box"):
        environment_spec(env)
    env = CountingEnv(0)
    env.action_space = gymnasium.spaces.MultiDiscrete([2, 2])
    with pytest.raises(ValueError, match="neither a Box nor Discrete"):
        environment_spec(env)


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        (gymnasium.spaces.Discrete(3, start=1), "must count from 0"),
        (gymnasium.spaces.Box(-1.0, 1.0, (2, 2)), "must be a vector"),
        (gymnasium.spaces.Box(-1.0, 1.0, ()), "must be a vector"),
    ],
)
def test_actions_that_would_not_arrive_as_they_were_meant_are_refused(space, sentence):
    env = CountingEnv(0)
    env.action_space = space
    with pytest.raises(ValueError, match=sentence):
        environment_spec(env)


def test_a_task_that_never_finishes_an_episode_is_given_up():
    """Every episode raises at its second step; one that ends in between starts the count anew."""
    broken = {(episode, 2): "raise" for episode in range(1_000)}
    envs = VectorEnv(lambda task: CountingEnv(task, trouble=broken), [3], seed=0)
    envs.reset()
    with pytest.raises(BrokenTaskError, match="task 3 failed 100 times without one finished"):
        for _ in range(1_000):
            envs.step(np.zeros((1, 2), np.float32))
    assert envs.failures == 100

    rarely = {(episode, 2): "raise" for episode in range(1_000) if episode % 50}
    envs = VectorEnv(lambda task: CountingEnv(task, trouble=rarely), [3], seed=0)
    envs.reset()
    for _ in range(1_000):
        envs.step(np.zeros((1, 2), np.float32))
    assert envs.failures > 100
