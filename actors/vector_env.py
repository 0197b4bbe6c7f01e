"""Several environments stepped as one, with rows in the order that `replay.step` asks for.

After the last step of an episode an environment shows its last observation once more, with no
action taken, and then the first one of the next episode. One that raises or returns a number that
is not finite is reset and counted, and its stream starts afresh.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from skill_train.actors.clipping import Clip
from skill_train.replay.step import ArraySpec
from skill_train.skill_agents.agent import ContinuousAction, DiscreteAction, EnvironmentSpec

log = logging.getLogger(__name__)
RESET_ATTEMPTS = 5
FAILURES_IN_A_ROW = 100
"""So many without one finished episode in between: the task is broken for good."""


class BrokenTaskError(RuntimeError):
    """An environment that does not work however often it is reset."""


class EpisodeResult(NamedTuple):
    """One finished episode."""

    task: int
    return_: float
    length: int
    success: bool | None
    """None where the task has no notion of it."""
    return_per_episode: tuple[float, ...] = ()
    """Of a trial, whose episodes share a task and a belief (`tasks.trials`); else empty."""


def from_info(info: Mapping[str, Any]) -> tuple[bool | None, tuple[float, ...]]:
    """The last fields of an `EpisodeResult`, from the ``info`` of an episode's last step."""
    success, returns = info.get("success"), info.get("return_per_episode", ())
    return None if success is None else bool(success), tuple(map(float, returns))


class Outcome(NamedTuple):
    """What one step of all B environments brought; arrays ``[B]``."""

    reward: np.ndarray
    discount: np.ndarray
    acted: np.ndarray
    """False where the environment was only reset, and the action ignored."""
    failed: list[int]
    """Environments that raised or gave NaN; their unfinished rows are worthless."""
    episodes: list[EpisodeResult]
    """Those that ended with this step."""
    ended: list[int]
    """The environment of each of ``episodes``."""


class VectorEnv:
    """B environments, each bound to one task of the experiment."""

    def __init__(
        self, make: Callable[[int], gymnasium.Env], tasks: Sequence[int], seed: int
    ) -> None:
        """``make(task)`` builds the environment of a task; ``tasks`` names one for each slot."""
        self.envs = [make(task) for task in tasks]
        self.tasks = np.asarray(tasks, np.int32)
        self.size = len(self.envs)
        self.spec = environment_spec(self.envs[0])
        self.observation = {
            name: np.zeros((self.size, *array.shape), array.dtype)
            for name, array in self.spec.observation.items()
        }
        """o_t of every environment, ``[B, ...]``; overwritten by `step`."""
        self.is_first = np.ones(self.size, bool)
        self.failures = self._failures_in_a_row = 0
        self._flat = not isinstance(self.envs[0].observation_space, gymnasium.spaces.Dict)
        self._over = np.zeros(self.size, bool)
        self._returns = np.zeros(self.size)
        self._lengths = np.zeros(self.size, np.int64)
        self._info: list[Mapping[str, Any]] = [{}] * self.size
        self._seeds = np.random.SeedSequence(seed)
        self._clip = Clip(self.spec.action)
        self._held = np.zeros(self.size, bool)
        for slot in range(self.size):
            self._reset(slot, reseed=True)

    def step(self, action: np.ndarray) -> Outcome:
        """Act everywhere, as `Environments.step` says."""
        action = self._clip(action)
        over = self._over.tolist()
        waits = self._held & self.is_first
        acted = ~(self._over | waits)
        reward = np.zeros(self.size, np.float32)
        discount = acted.astype(np.float32)
        failed: list[int] = []
        ended: list[int] = []
        self.is_first = self._over | waits
        for slot, (env, chosen) in enumerate(zip(self.envs, action, strict=True)):
            if over[slot]:
                self._reset(slot)
                continue
            if waits[slot]:
                continue
            try:
                seen, reward[slot], terminated, truncated, info = env.step(chosen)
            except Exception as error:
                self._fail(slot, f"raised {type(error).__name__}: {error}", failed)
                continue
            self._show(slot, seen)
            if terminated or truncated:
                discount[slot] = 0.0 if terminated else 1.0
                self._over[slot] = True
                ended.append(slot)
                self._info[slot] = info
        for slot in self._not_finite(reward):
            self._fail(slot, "gave an observation or reward that is not finite", failed)
        reward[failed] = discount[failed] = 0.0
        went_on = acted.copy()
        went_on[failed] = False
        self._returns += reward
        self._lengths += went_on
        ended = [slot for slot in ended if slot not in failed]
        episodes = [self._result(slot) for slot in ended]
        if ended:
            self._failures_in_a_row = 0
        return Outcome(reward, discount, acted, failed, episodes, ended)

    def hold(self, held: np.ndarray) -> None:
        """Let the environments ``held`` wait wherever an episode begins, bool ``[B]``."""
        self._held = held

    def close(self) -> None:
        """Close every environment."""
        for env in self.envs:
            env.close()

    def _show(self, slot: int, seen: Any) -> None:
        if self._flat:
            self.observation["observation"][slot] = seen
        else:
            for name, array in self.observation.items():
                array[slot] = seen[name]

    def _result(self, slot: int) -> EpisodeResult:
        return EpisodeResult(
            int(self.tasks[slot]),
            float(self._returns[slot]),
            int(self._lengths[slot]),
            *from_info(self._info[slot]),
        )

    def _not_finite(self, reward: np.ndarray) -> list[int]:
        floats = [a for a in self.observation.values() if a.dtype.kind == "f"]
        finite = [np.isfinite(array) for array in (reward, *floats)]
        if all(array.all() for array in finite):
            return []
        whole = [array.reshape(self.size, -1).all(axis=1) for array in finite]
        return np.flatnonzero(~np.logical_and.reduce(whole)).tolist()

    def _is_finite(self, slot: int) -> bool:
        arrays = self.observation.values()
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
        self.is_first[slot] = True

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
        self._over[slot] = False
        self._returns[slot] = 0.0
        self._lengths[slot] = 0


def environment_spec(env: gymnasium.Env, num_tasks: int = 1) -> EnvironmentSpec:
    """What an agent must know of ``env``; raises ValueError for spaces that no agent here takes."""
    space = env.observation_space
    boxes = dict(space) if isinstance(space, gymnasium.spaces.Dict) else {"observation": space}
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
