"""Trials as arrays: n episodes of one hidden task, many tasks stepped together.

A trial is one `gymnasium` episode of these environments. Inside it only the position is reset,
after every ``episode_steps``; a recurrent agent keeps its memory. So a trial is one trajectory in
replay and its start is ``is_first``; the episodes inside it are marked by an observation,
``new_episode``. No episode ends early, so all trials have one length and one clock; tasks whose
episodes can terminate are trials of `tasks.trials`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space


def trial_space(state: spaces.Box) -> spaces.Dict:
    """The observation of a trial whose episodes show ``state``, all float32.

    * ``state``: the current state, already reset where an episode begins;
    * ``arrived``: the state that the last action led to, before a reset, and was rewarded for;
    * ``new_episode`` ``[1]``: 1 on the first row of each episode.
    """
    new = spaces.Box(0.0, 1.0, (1,), np.float32)
    return spaces.Dict({"state": state, "arrived": state, "new_episode": new})


class VectorTrials(gymnasium.vector.VectorEnv):
    """``num_envs`` trials of ``episodes`` x ``episode_steps`` steps; a subclass adds the task.

    A trial ends truncated, with ``info["return_per_episode"]`` ``[num_envs, episodes]``. The next
    step ignores its action and starts another (Gymnasium's next-step mode).
    """

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(
        self,
        num_envs: int,
        state: spaces.Box,
        action: spaces.Space,
        episodes: int,
        episode_steps: int,
    ) -> None:
        if episodes < 1 or episode_steps < 1:
            raise ValueError(
                "a trial needs episodes and episode_steps of at least 1, not "
                f"{episodes} and {episode_steps}"
            )
        self.num_envs = num_envs
        self.episodes, self.episode_steps = episodes, episode_steps
        self.single_observation_space = trial_space(state)
        self.single_action_space = action
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(action, num_envs)
        self._clock = 0
        self._returns = np.zeros((num_envs, episodes))
        self._constant = {
            value: np.full((num_envs, 1), value, np.float32) for value in (False, True)
        }
        self._never, self._always = np.zeros(num_envs, bool), np.ones(num_envs, bool)
        for array in (*self._constant.values(), self._never, self._always):
            array.setflags(write=False)  # returned at every step

    @abstractmethod
    def _place(self) -> None:
        """Put every environment at the start of an episode."""

    @abstractmethod
    def _move(self, actions: np.ndarray) -> np.ndarray:
        """Act in every environment; return the rewards, ``[num_envs]``."""

    @abstractmethod
    def _state(self) -> np.ndarray:
        """The states ``[num_envs, *state]`` float32, a new array."""

    def picture(self) -> np.ndarray:
        """Picture of the first environment from above, uint8 ``[H, W, 3]``."""
        raise NotImplementedError(f"{type(self).__name__} has no picture")

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Start a trial in every environment.

        Raises ValueError for an ``options["reset_mask"]`` that leaves any out: all share one clock.
        """
        if not (options or {}).get("reset_mask", self._always).all():
            raise ValueError("trials with one clock start all together, not some of them")
        super().reset(seed=seed)
        return self._start(), {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Act once in every environment: ``actions [num_envs, ...]``."""
        length = self.episodes * self.episode_steps
        if self._clock == length:
            return self._start(), np.zeros(self.num_envs), self._never, self._never, {}
        reward = self._move(actions)
        self._returns[:, self._clock // self.episode_steps] += reward
        self._clock += 1
        arrived = self._state()
        if self._clock == length:
            info = {"return_per_episode": self._returns.copy()}
            return self._seen(arrived, arrived, False), reward, self._never, self._always, info
        if self._clock % self.episode_steps:
            return self._seen(arrived, arrived, False), reward, self._never, self._never, {}
        self._place()
        return self._seen(self._state(), arrived, True), reward, self._never, self._never, {}

    def _start(self) -> dict[str, np.ndarray]:
        self._clock = 0
        self._returns[:] = 0.0
        self._place()
        state = self._state()
        return self._seen(state, state, True)

    def _seen(self, state: np.ndarray, arrived: np.ndarray, new: bool) -> dict[str, np.ndarray]:
        return {"state": state, "arrived": arrived, "new_episode": self._constant[new]}


class OneTrial(gymnasium.Env):
    """A `VectorTrials` of one environment, with Gymnasium's interface of a single one."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 6}  # noqa: RUF012

    def __init__(self, trials: VectorTrials, render_mode: str | None) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode must be None or 'rgb_array', not {render_mode!r}")
        self.render_mode = render_mode
        self.trials = trials
        self.observation_space = trials.single_observation_space
        self.action_space = trials.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Start a trial; ``options`` are not used."""
        super().reset(seed=seed)
        seen, _ = self.trials.reset(seed=seed)
        return _first(seen), {}

    def step(self, action: Any) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Act once."""
        seen, reward, terminated, truncated, info = self.trials.step(np.asarray(action)[None])
        own = {name: value[0] for name, value in info.items()}
        return _first(seen), float(reward[0]), bool(terminated[0]), bool(truncated[0]), own

    def render(self) -> np.ndarray | None:
        """The picture, uint8 ``[H, W, 3]``, or None without a ``render_mode``."""
        return None if self.render_mode is None else self.trials.picture()


def _first(seen: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array[0].copy() for name, array in seen.items()}
