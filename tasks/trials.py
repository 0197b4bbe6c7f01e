"""Trials of any environment: n episodes of one hidden task as one `gymnasium` episode.

The same observations as `tasks.vector_trials`, for environments that are stepped one by one.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from skill_train.tasks.vector_trials import trial_space


class Trials(gymnasium.Wrapper):
    """``episodes`` episodes of ``env``, whose observations are one float box.

    Where an episode ends, terminated or not, the next one begins in the same step: ``arrived`` is
    the last observation of the old episode, ``state`` the first of the new one. An episode that
    terminates early, as by a fall, forfeits the rest of its steps; the episodes after it are whole.

    The trial ends as its last episode does, terminated or truncated, with
    ``info["return_per_episode"]``. The task must not change at a reset.
    """

    def __init__(self, env: gymnasium.Env, episodes: int) -> None:
        super().__init__(env)
        if episodes < 1:
            raise ValueError(f"a trial needs episodes of at least 1, not {episodes}")
        box = env.observation_space
        if not isinstance(box, spaces.Box):
            raise ValueError(f"a trial needs observations that are one box, not {box}")
        self.observation_space = trial_space(spaces.Box(-np.inf, np.inf, box.shape, np.float32))
        self._episodes = episodes
        self._returns = [0.0]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Start a trial."""
        seen, info = self.env.reset(seed=seed, options=options)
        self._returns = [0.0]
        return _seen(seen, seen, True), info

    def step(self, action: Any) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Act once; terminated only where the last episode is."""
        arrived, reward, terminated, truncated, info = self.env.step(action)
        self._returns[-1] += float(reward)
        if not (terminated or truncated):
            return _seen(arrived, arrived, False), float(reward), False, False, info
        if len(self._returns) == self._episodes:
            info = {**info, "return_per_episode": np.array(self._returns)}
            return _seen(arrived, arrived, False), float(reward), terminated, truncated, info
        state, _ = self.env.reset()
        self._returns.append(0.0)
        return _seen(state, arrived, True), float(reward), False, False, info


def _seen(state: np.ndarray, arrived: np.ndarray, new: bool) -> dict[str, np.ndarray]:
    return {
        "state": np.asarray(state, np.float32),
        "arrived": np.asarray(arrived, np.float32),
        "new_episode": np.array([new], np.float32),
    }
