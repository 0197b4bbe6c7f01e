"""Environments that step as arrays, behind the same face as `VectorEnv`.

Gymnasium's next-step autoreset is already the order of rows that `replay.step` asks for: after
the last step of an episode the next one ignores the action and shows a new first observation.
"""

from __future__ import annotations

from collections.abc import Sequence

import gymnasium
import numpy as np

from skill_train.actors.clipping import Clip
from skill_train.actors.environments import Environments
from skill_train.actors.vector_env import (
    EpisodeResult,
    Outcome,
    VectorEnv,
    environment_spec,
    from_info,
)
from skill_train.tasks.families import TaskSet

RESULTS = ("success", "return_per_episode")
"""What an info says of a finished episode, an array with a row for each environment."""


class BatchedEnv:
    """A `gymnasium.vector.VectorEnv`, each of its environments bound to one task.

    It is one piece of code and has no single environment that could be reset alone: what it raises
    is not caught, and a number that is not finite raises FloatingPointError.
    """

    failures = 0

    def __init__(self, env: gymnasium.vector.VectorEnv, tasks: Sequence[int], seed: int) -> None:
        mode = env.metadata.get("autoreset_mode")
        if mode != gymnasium.vector.AutoresetMode.NEXT_STEP:
            raise ValueError(f"environments as arrays must reset on the next step, not {mode}")
        self.env = env
        self.tasks = np.asarray(tasks, np.int32)
        self.size = env.num_envs
        self.spec = environment_spec(_OneOf(env))
        self._clip = Clip(self.spec.action)
        self.observation = {name: np.asarray(a) for name, a in env.reset(seed=seed)[0].items()}
        """o_t of every environment, ``[B, ...]``."""
        self.is_first = np.ones(self.size, bool)
        self._over = np.zeros(self.size, bool)
        self._fresh = np.ones(self.size, bool)
        """Where `observation` is a first one; one that waits may be anywhere in an episode."""
        self._held = np.zeros(self.size, bool)
        self._returns = np.zeros(self.size)
        self._lengths = np.zeros(self.size, np.int64)

    def step(self, action: np.ndarray) -> Outcome:
        """Act everywhere, as `VectorEnv.step`; no environment fails alone."""
        over = self._over & ~self._waits
        idle = over | self._waits
        if self._waits.all():
            still = np.zeros(self.size, np.float32)
            return Outcome(still, still, ~idle, [], [], [])
        seen, reward, terminated, truncated, info = self.env.step(self._clip(action))
        self._fresh, self._over = self._over, terminated | truncated
        reward = np.where(idle, 0.0, reward).astype(np.float32)
        self.observation = seen
        arrays = (reward, *(a for a in seen.values() if a.dtype.kind == "f"))
        if not all(np.isfinite(array).all() for array in arrays):
            raise FloatingPointError(f"{self.env} gave an observation or reward that is not finite")
        discount = (~(terminated | idle)).astype(np.float32)
        self._returns[over] = self._lengths[over] = 0
        self._returns += reward
        self._lengths += ~idle
        self.is_first = idle
        ended = np.flatnonzero(self._over & ~idle).tolist()
        episodes = [
            EpisodeResult(
                int(self.tasks[slot]),
                float(self._returns[slot]),
                int(self._lengths[slot]),
                *from_info({name: info[name][slot] for name in RESULTS if name in info}),
            )
            for slot in ended
        ]
        return Outcome(reward, discount, ~idle, [], episodes, ended)

    def hold(self, held: np.ndarray) -> None:
        """Let the environments ``held`` wait, as `VectorEnv.hold`.

        Arrays are stepped whole, so one that waits plays on unseen; it is reset when it has waited.
        """
        stale = self._waits & ~held & ~self._fresh
        self._held = held
        if stale.any():
            self.observation, _ = self.env.reset(options={"reset_mask": stale})
            self._fresh |= stale
            self._over &= ~stale

    @property
    def _waits(self) -> np.ndarray:
        return self._held & self.is_first

    def close(self) -> None:
        """Close the environments."""
        self.env.close()


def environments(tasks: TaskSet, slots: Sequence[int], seed: int) -> Environments:
    """An environment for each task of ``slots``, stepping as arrays where the family can."""
    batch = tasks.make_batch(slots)
    return VectorEnv(tasks.make, slots, seed) if batch is None else BatchedEnv(batch, slots, seed)


class _OneOf:
    """The spaces of one environment of many."""

    def __init__(self, env: gymnasium.vector.VectorEnv) -> None:
        self.observation_space = env.single_observation_space
        self.action_space = env.single_action_space
