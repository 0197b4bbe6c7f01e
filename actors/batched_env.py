"""Environments that step as arrays, with the interface of `VectorEnv`.

Gymnasium's next-step autoreset is already the order of rows that `replay.step` asks for: after
the last step of an episode the next one ignores the action and shows a new first observation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import gymnasium
import numpy as np
from typing_extensions import override

from skill_train.actors.task_environments import Moved, TaskEnvironments
from skill_train.actors.vector_env import environment_spec

RESULTS = ("success", "return_per_episode")
"""Keys of an info about finished episodes: arrays with a row for each environment."""


class BatchedEnv(TaskEnvironments):
    """A `gymnasium.vector.VectorEnv`, each of its environments bound to one task.

    No single environment can be reset alone, so an error of the environments is not caught, and a
    number that is not finite raises FloatingPointError.

    Arrays are stepped whole, so an environment that waits plays on unseen and is reset afterwards.
    """

    def __init__(self, env: gymnasium.vector.VectorEnv, tasks: Sequence[int], seed: int) -> None:
        mode = env.metadata.get("autoreset_mode")
        if mode != gymnasium.vector.AutoresetMode.NEXT_STEP:
            raise ValueError(f"environments as arrays must reset on the next step, not {mode}")
        super().__init__(tasks, environment_spec(_OneOf(env)))
        self.env = env
        self._seed: int | None = seed
        self._fresh = np.ones(self.size, bool)
        """Mask of first observations in the arrays, of waiting environments too."""
        self._resets_next = np.zeros(self.size, bool)
        """Mask of environments that the next step resets, of waiting ones too."""

    @override
    def close(self) -> None:
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
    """Copies of the arrays, as Gymnasium lets an environment write into its own again."""
    return {name: np.array(array) for name, array in shown.items()}


class _OneOf:
    """The spaces of one of the environments."""

    def __init__(self, env: gymnasium.vector.VectorEnv) -> None:
        self.observation_space = env.single_observation_space
        self.action_space = env.single_action_space
