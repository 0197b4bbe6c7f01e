"""Returns and lengths of episodes, against sums by hand."""

from __future__ import annotations

import numpy as np

from skill_train.actors.episodes import EpisodeCounter, EpisodeResult


def test_returns_and_lengths_are_of_one_environment_and_one_episode():
    counter = EpisodeCounter(np.array([7, 3], np.int32))
    counter.add(np.array([1.0, 10.0]), np.array([True, True]))
    counter.add(np.array([2.0, 0.0]), np.array([True, False]))
    assert counter.end(0, {}) == EpisodeResult(7, 3.0, 2, None)
    counter.add(np.array([0.5, 20.0]), np.array([True, True]))
    assert counter.end(1, {}) == EpisodeResult(3, 30.0, 2, None)
    assert counter.end(0, {}) == EpisodeResult(7, 0.5, 1, None), "counted from 0 after the first"


def test_a_forgotten_episode_leaves_nothing_in_the_next():
    counter = EpisodeCounter(np.array([0, 1], np.int32))
    counter.add(np.array([5.0, 5.0]), np.ones(2, bool))
    counter.forget(1)
    counter.add(np.array([1.0, 1.0]), np.ones(2, bool))
    assert [counter.end(slot, {}).return_ for slot in (0, 1)] == [6.0, 1.0]
    assert EpisodeCounter(np.array([0])).end(0, {}).length == 0


def test_the_last_info_says_success_and_the_returns_of_a_trial():
    counter = EpisodeCounter(np.array([0], np.int32))
    info = {"success": np.True_, "return_per_episode": np.array([1.5, 2.0]), "other": 1}
    assert counter.end(0, info) == EpisodeResult(0, 0.0, 0, True, (1.5, 2.0))
    assert counter.end(0, {"success": 0}).success is False
