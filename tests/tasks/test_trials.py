"""Trials of a scripted environment: what is reset, what is seen, what is counted."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from skill_train.tasks.trials import Trials


class Counter(gymnasium.Env):
    """Shows 100 x (number of resets) + (steps since); an episode ends at its goal."""

    observation_space = spaces.Box(-np.inf, np.inf, (1,), np.float64)
    action_space = spaces.Discrete(2)

    def __init__(self, steps: int, terminates: bool) -> None:
        self.steps, self.terminates, self.resets = steps, terminates, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.resets, self.now = self.resets + 1, 0
        return np.array([100.0 * self.resets]), {}

    def step(self, action):
        self.now += 1
        over = self.now == self.steps
        seen = np.array([100.0 * self.resets + self.now])
        return seen, 1.0 + action, over and self.terminates, over and not self.terminates, {"a": 1}


@pytest.mark.parametrize("terminates", [False, True])
def test_a_trial_shows_both_sides_of_the_boundary_between_episodes(terminates):
    env = Trials(Counter(2, terminates), episodes=2)
    seen, _ = env.reset(seed=0)
    rows = [(float(seen["state"][0]), float(seen["arrived"][0]), float(seen["new_episode"][0]))]
    assert rows == [(100.0, 100.0, 1.0)]
    ends = []
    for action in (0, 1, 1, 1):
        seen, reward, terminated, truncated, info = env.step(action)
        assert reward == 1.0 + action and info["a"] == 1
        rows.append(tuple(float(seen[name][0]) for name in ("state", "arrived", "new_episode")))
        ends.append((terminated, truncated))
    assert rows[1:] == [
        (101.0, 101.0, 0.0),
        (200.0, 102.0, 1.0),  # the second episode's start, and where the first one led
        (201.0, 201.0, 0.0),
        (202.0, 202.0, 0.0),  # nothing begins after the last
    ]
    # The first episode's end is none of the trial; the last one's is, in its own way.
    assert ends == [(False, False)] * 3 + [(terminates, not terminates)]
    np.testing.assert_array_equal(info["return_per_episode"], [3.0, 4.0])


def test_a_new_trial_counts_afresh():
    env = Trials(Counter(1, terminates=False), episodes=1)
    for _ in range(2):
        env.reset()
        *_, info = env.step(1)
        np.testing.assert_array_equal(info["return_per_episode"], [2.0])


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="episodes of at least 1"):
        Trials(Counter(1, False), episodes=0)
    with pytest.raises(ValueError, match="one box"):
        Trials(Trials(Counter(1, False), 1), 1)
