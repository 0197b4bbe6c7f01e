"""Several environments stepped as one, with rows in the order that `replay.step` asks for.

After the last step of an episode an environment shows its last observation once more, with no
action taken, and then the first one of the next episode. An environment that raises or returns a
number that is not finite is reset and counted, and its stream starts afresh.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from typing_extensions import override

from skill_train.actors.task_environments import Moved, TaskEnvironments
from skill_train.replay.step import ArraySpec
from skill_train.skill_agents.agent import ContinuousAction, DiscreteAction, EnvironmentSpec

log = logging.getLogger(__name__)
RESET_ATTEMPTS = 5
FAILURES_IN_A_ROW = 100
"""Failures without one finished episode in between that show that the task is broken for good."""
ALONE = "state"
"""The group name of an observation that is not in groups."""


class BrokenTaskError(RuntimeError):
    """An environment that keeps failing, however often it is reset."""


class VectorEnv(TaskEnvironments):
    """B environments that step one after the other, each bound to one task of the experiment."""

    def __init__(
        self, make: Callable[[int], gymnasium.Env], tasks: Sequence[int], seed: int
    ) -> None:
        """``make(task)`` builds the environment of a task; ``tasks`` has the task of each slot."""
        self.envs = [make(task) for task in tasks]
        super().__init__(tasks, environment_spec(self.envs[0]))
        self._failures_in_a_row = 0
        self._flat = not isinstance(self.envs[0].observation_space, gymnasium.spaces.Dict)
        self._seeds = np.random.SeedSequence(seed)
        self._shown: dict[str, np.ndarray] = {}
        """The environments' present observations, in arrays that are new at every step."""

    @override
    def close(self) -> None:
        for env in self.envs:
            env.close()

    def _begin(self) -> Mapping[str, np.ndarray]:
        self._shown = self._new_arrays()
        for slot in range(self.size):
            self._reset(slot, reseed=True)
        return self._shown

    def _move(self, action: np.ndarray, over: np.ndarray, waits: np.ndarray) -> Moved:
        before, self._shown = self._shown, self._new_arrays()
        resets, stays = over.tolist(), waits.tolist()
        if True in stays:
            for name, array in self._shown.items():
                array[waits] = before[name][waits]
        reward = np.zeros(self.size, np.float32)
        terminated = np.zeros(self.size, bool)
        ended: dict[int, Mapping[str, Any]] = {}
        failed: list[int] = []
        for slot, (env, chosen) in enumerate(zip(self.envs, action, strict=True)):
            if resets[slot]:
                self._reset(slot)
                continue
            if stays[slot]:
                continue
            try:
                seen, reward[slot], terminates, truncated, info = env.step(chosen)
            except Exception as error:
                self._fail(slot, f"raised {type(error).__name__}: {error}", failed)
                continue
            self._show(slot, seen)
            if terminates or truncated:
                terminated[slot] = terminates
                ended[slot] = info
        for slot in self._not_finite(reward):
            self._fail(slot, "gave an observation or reward that is not finite", failed)
            ended.pop(slot, None)
        if ended:
            self._failures_in_a_row = 0
        return Moved(self._shown, reward, terminated, ended, failed)

    def _new_arrays(self) -> dict[str, np.ndarray]:
        return {
            name: np.empty((self.size, *array.shape), array.dtype)
            for name, array in self.spec.observation.items()
        }

    def _show(self, slot: int, seen: Any) -> None:
        if self._flat:
            self._shown[ALONE][slot] = seen
        else:
            for name, array in self._shown.items():
                array[slot] = seen[name]

    def _not_finite(self, reward: np.ndarray) -> list[int]:
        floats = [a for a in self._shown.values() if a.dtype.kind == "f"]
        finite = [np.isfinite(array) for array in (reward, *floats)]
        if all(array.all() for array in finite):
            return []
        whole = [array.reshape(self.size, -1).all(axis=1) for array in finite]
        return np.flatnonzero(~np.logical_and.reduce(whole)).tolist()

    def _is_finite(self, slot: int) -> bool:
        arrays = self._shown.values()
        return all(np.isfinite(a[slot]).all() for a in arrays if a.dtype.kind == "f")

    def _fail(self, slot: int, what: str, failed: list[int]) -> None:
        self.failures += 1
        self._failures_in_a_row += 1
        failed.append(slot)
        log.warning(
            "environment %s (task %d, slot %d, seed %s) %s; reset (%d so far)",
            self.envs[slot].spec.id if self.envs[slot].spec else type(self.envs[slot]).__name__,
            self.tasks[slot],
            slot,
            self.envs[slot].unwrapped.np_random_seed,
            what,
            self.failures,
        )
        if self._failures_in_a_row >= FAILURES_IN_A_ROW:
            raise BrokenTaskError(
                f"task {self.tasks[slot]} failed {FAILURES_IN_A_ROW} times without one finished "
                f"episode; the last time it {what}"
            )
        self._reset(slot, reseed=True)

    def _reset(self, slot: int, reseed: bool = False) -> None:
        for attempt in range(RESET_ATTEMPTS):
            seed = int(self._seeds.spawn(1)[0].generate_state(1)[0]) if reseed else None
            try:
                seen, _ = self.envs[slot].reset(seed=seed)
                self._show(slot, seen)
                if not self._is_finite(slot):
                    raise ValueError("its first observation is not finite")
                break
            except Exception as error:
                if attempt + 1 == RESET_ATTEMPTS:
                    raise BrokenTaskError(
                        f"task {self.tasks[slot]} failed to reset {RESET_ATTEMPTS} times; "
                        f"the last error was {type(error).__name__}: {error}"
                    ) from error
                reseed = True


def environment_spec(env: gymnasium.Env, num_tasks: int = 1) -> EnvironmentSpec:
    """The spec of ``env`` for an agent; raises ValueError for spaces that no agent here takes."""
    space = env.observation_space
    boxes = dict(space) if isinstance(space, gymnasium.spaces.Dict) else {ALONE: space}
    observation = {}
    for name, box in boxes.items():
        if not isinstance(box, gymnasium.spaces.Box):
            raise ValueError(f"observation {name!r} is {box}; every group must be a Box")
        observation[name] = ArraySpec(
            tuple(box.shape), "uint8" if box.dtype == np.uint8 else "float32"
        )
    return EnvironmentSpec(observation, _action(env.action_space), num_tasks)


def _action(space: gymnasium.Space) -> ContinuousAction | DiscreteAction:
    if isinstance(space, gymnasium.spaces.Box):
        if len(space.shape) != 1:
            raise ValueError(f"actions of {space} must be a vector; flatten them in a wrapper")
        return ContinuousAction(tuple(space.low.tolist()), tuple(space.high.tolist()))
    if isinstance(space, gymnasium.spaces.Discrete):
        if space.start != 0:
            raise ValueError(f"actions of {space} must count from 0; shift them in a wrapper")
        return DiscreteAction(int(space.n))
    raise ValueError(f"actions of {space} are neither a Box nor Discrete")
