"""Environments that step as arrays, behind the same face as `VectorEnv`.

Gymnasium's next-step autoreset is already the order of rows that `replay.step` asks for: after
the last step of an episode the next one ignores the action and shows a new first observation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import gymnasium
import numpy as np

from skill_train.actors.task_environments import Moved, TaskEnvironments
from skill_train.actors.vector_env import environment_spec

RESULTS = ("success", "return_per_episode")
"""What an info says of a finished episode, an array with a row for each environment."""


class BatchedEnv(TaskEnvironments):
    """A `gymnasium.vector.VectorEnv`, each of its environments bound to one task.

    It is one piece of code and has no single environment that could be reset alone: what it raises
    is not caught, and a number that is not finite raises FloatingPointError.

    Arrays are stepped whole, so an environment that waits plays on unseen; it is reset when it has
    waited.
    """

    def __init__(self, env: gymnasium.vector.VectorEnv, tasks: Sequence[int], seed: int) -> None:
        mode = env.metadata.get("autoreset_mode")
        if mode != gymnasium.vector.AutoresetMode.NEXT_STEP:
            raise ValueError(f"environments as arrays must reset on the next step, not {mode}")
        super().__init__(tasks, environment_spec(_OneOf(env)))
        self.env = env
        self._seed: int | None = seed
        self._fresh = np.ones(self.size, bool)
        """Where the arrays show a first observation, of those that wait too."""
        self._resets_next = np.zeros(self.size, bool)
        """Where the next step of the arrays is a reset, of those that wait too."""

    def close(self) -> None:
        """Close the environments."""
        self.env.close()

    def _begin(self) -> Mapping[str, np.ndarray]:
        seed, self._seed = self._seed, None
        self._fresh = np.ones(self.size, bool)
        self._resets_next = np.zeros(self.size, bool)
        return _copies(self.env.reset(seed=seed)[0])

    def _move(self, action: np.ndarray, over: np.ndarray, waits: np.ndarray) -> Moved:
        if waits.all():
            return Moved(self._observation, np.zeros(self.size), np.zeros(self.size, bool), {}, [])
        shown, reward, terminated, truncated, info = self.env.step(action)
        observation = _copies(shown)
        acted = ~(over | waits)
        arrays = (reward[acted], *(a for a in observation.values() if a.dtype.kind == "f"))
        if not all(np.isfinite(array).all() for array in arrays):
            raise FloatingPointError(f"{self.env} gave an observation or reward that is not finite")
        self._fresh, self._resets_next = self._resets_next, terminated | truncated
        ended = {
            slot: {name: info[name][slot] for name in RESULTS if name in info}
            for slot in np.flatnonzero(self._resets_next & acted).tolist()
        }
        return Moved(observation, reward, terminated, ended, [])

    def _release(self, released: np.ndarray) -> Mapping[str, np.ndarray]:
        stale = released & ~self._fresh
        if not stale.any():
            return self._observation
        shown, _ = self.env.reset(options={"reset_mask": stale})
        self._fresh = self._fresh | stale
        self._resets_next = self._resets_next & ~stale
        return _copies(shown)


def _copies(shown: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays of the caller's own: Gymnasium lets an environment write into its own again."""
    return {name: np.array(array) for name, array in shown.items()}


class _OneOf:
    """The spaces of one environment of many."""

    def __init__(self, env: gymnasium.vector.VectorEnv) -> None:
        self.observation_space = env.single_observation_space
        self.action_space = env.single_action_space
