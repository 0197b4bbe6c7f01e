"""The evaluator counts the same number of episodes from every slot, long or short."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from skill_train.actors.episodes import EpisodeResult
from skill_train.actors.evaluator import Evaluation, evaluate
from skill_train.actors.vector_env import VectorEnv
from tests.actors.counting import CountingAgent, CountingEnv


def singly(make):
    """Environments of ``make(task)``, for `evaluate`."""
    return partial(VectorEnv, make)


class UnevenEnv(CountingEnv):
    """The environments of one task differ in length: the first made is the shortest."""

    made = 0

    def __init__(self, task: int) -> None:
        super().__init__(task, length=1 + 4 * (UnevenEnv.made % 4))
        UnevenEnv.made += 1


def test_short_episodes_are_not_counted_more_often(monkeypatch):
    monkeypatch.setattr(UnevenEnv, "made", 0)
    result = evaluate(CountingAgent(), singly(UnevenEnv), [0], episodes=8, seed=0, parallel=4)
    assert Counter(e.length for e in result.episodes) == {1: 2, 5: 2, 9: 2, 13: 2}


@pytest.mark.parametrize(("episodes", "per_task"), [(6, 3), (5, 3), (1, 1)])
def test_every_task_gets_as_many_rounded_up(episodes, per_task):
    result = evaluate(CountingAgent(), singly(CountingEnv), [2, 5], episodes, seed=0, parallel=2)
    assert {t: len(e.episodes) for t, e in result.per_task().items()} == {2: per_task, 5: per_task}


def test_means_are_over_episodes_and_success_over_those_that_know_it():
    episodes = (
        EpisodeResult(0, 2.0, 1, True),
        EpisodeResult(0, 4.0, 1, False),
        EpisodeResult(1, 9.0, 1, None),
    )
    result = Evaluation(episodes)
    assert result.return_mean == 5.0
    assert result.success_rate == 0.5
    assert result.per_task()[1].success_rate is None
    assert result.per_task()[0].return_mean == 3.0


def test_environments_are_closed_and_exploration_is_off():
    made, explored = [], []

    class Agent(CountingAgent):
        def act(self, timestep, state, explore, generator=None):
            explored.append(explore)
            return super().act(timestep, state, explore, generator)

    def make(task):
        made.append(CountingEnv(task))
        return made[-1]

    evaluate(Agent(), singly(make), [0, 1], episodes=2, seed=0)
    assert all(env.closed for env in made)
    assert not any(explored)


def test_the_first_episodes_of_a_trial_can_stay_uncounted():
    trials = Evaluation(
        (
            EpisodeResult(0, 6.0, 9, None, return_per_episode=(1.0, 2.0, 3.0)),
            EpisodeResult(1, 1.0, 9, None, return_per_episode=(0.0, 0.5, 0.5)),
        )
    )
    assert trials.without_first(0) is trials
    assert trials.without_first(2).return_mean == (3.0 + 0.5) / 2
    assert trials.without_first(1).return_per_episode == trials.return_per_episode
    with pytest.raises(ValueError, match="is 3, but a trial here has 3 episodes"):
        trials.without_first(3)
    with pytest.raises(ValueError, match="no inner episodes"):
        Evaluation((EpisodeResult(0, 6.0, 9, None),)).without_first(1)
