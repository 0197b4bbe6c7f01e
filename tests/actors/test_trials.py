"""Returns per episode of a trial, stepped one by one and as arrays."""

from __future__ import annotations

import numpy as np

from skill_train.actors.batched_env import BatchedEnv
from skill_train.actors.episodes import EpisodeResult
from skill_train.actors.evaluator import Evaluation
from skill_train.actors.vector_env import VectorEnv
from skill_train.tasks.goal_grid import FAMILY, GOALS

TASKS = [0, 8, 20]


def test_both_ways_of_stepping_tell_the_same():
    tasks = FAMILY.all()
    alone = VectorEnv(tasks.make, TASKS, seed=0)
    batched = BatchedEnv(tasks.make_batch(TASKS), TASKS, seed=0)
    shown = batched.reset()
    for name, array in alone.reset().items():
        np.testing.assert_array_equal(array, shown[name])
    rng = np.random.default_rng(0)
    finished = []
    for _ in range(2 * 46):
        action = rng.integers(5, size=3)
        one, two = alone.step(action), batched.step(action)
        np.testing.assert_array_equal(one.reward, two.reward)
        np.testing.assert_array_equal(one.discount, two.discount)
        np.testing.assert_array_equal(one.is_first, two.is_first)
        for name, array in one.observation.items():
            np.testing.assert_array_equal(array, two.observation[name])
        finished.append((one.episodes, two.episodes))
    ended = [pair for pair in finished if pair[0]]
    assert len(ended) == 2
    for ours, theirs in ended:
        assert [e.task for e in ours] == TASKS and ours[0].length == 45
        for a, b in zip(ours, theirs, strict=True):
            assert a.return_per_episode == b.return_per_episode
            np.testing.assert_allclose(sum(a.return_per_episode), a.return_, rtol=1e-5)
    assert len(GOALS) == tasks.num_tasks


def test_an_evaluation_averages_each_episode_over_trials():
    trials = [
        EpisodeResult(0, 3.0, 9, None, (1.0, 2.0)),
        EpisodeResult(1, 9.0, 9, None, (4.0, 5.0)),
    ]
    evaluation = Evaluation(tuple(trials))
    assert evaluation.return_per_episode == (2.5, 3.5)
    assert evaluation.per_task()[1].return_per_episode == (4.0, 5.0)
    assert Evaluation((EpisodeResult(0, 3.0, 9, None),)).return_per_episode == ()
