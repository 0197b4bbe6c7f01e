"""Gymnasium's HalfCheetah and Ant with a hidden goal: a speed, a direction or a place.

Rewards and observations are those of the public meta-RL tasks, on Gymnasium's models. The ants
leave out the 84 contact forces and their cost: under MuJoCo 2.0, where those tasks were made, the
forces were always zero. Speeds and directions cover the public tasks' ranges; places of the ant
lie on three circles, where theirs fill the disc.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.mujoco.ant_v5 import AntEnv
from gymnasium.envs.mujoco.half_cheetah_v5 import HalfCheetahEnv

from skill_train.tasks.families import TaskFamily, Variant, goal_split
from skill_train.tasks.trials import Trials

EPISODE_STEPS = 200
EPISODES = 2


class MetaLocomotion(gymnasium.Env):
    """A body of Gymnasium whose reward depends on a goal that its observations do not show."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012

    def __init__(self, body: Any, episode_steps: int, render_mode: str | None) -> None:
        if episode_steps < 1:
            raise ValueError(f"episode_steps must be at least 1, not {episode_steps}")
        self._body = body
        self._episode_steps, self._steps = episode_steps, 0
        self.render_mode = render_mode
        self.action_space = body.action_space
        size = len(self._observation())
        self.observation_space = spaces.Box(-np.inf, np.inf, (size,), np.float64)

    @abstractmethod
    def _observation(self) -> np.ndarray:
        """The observation, float64 ``[size]``."""

    @abstractmethod
    def _reward(self, velocity: np.ndarray, effort: float) -> float:
        """The reward, from the torso's mean velocity (x, y) in m/s over the step, and sum a^2."""

    def _fallen(self) -> bool:
        """Whether the episode ends early."""
        return False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """The body's usual start, with Gymnasium's noise."""
        super().reset(seed=seed)
        self._body.reset(seed=seed)
        self._steps = 0
        return self._observation(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Hold ``action`` for one control step, 0.05 s."""
        before = self._body.data.qpos[:2].copy()
        self._body.do_simulation(action, self._body.frame_skip)
        velocity = (self._body.data.qpos[:2] - before) / self._body.dt
        reward = self._reward(velocity, float(np.square(action).sum()))
        self._steps += 1
        fallen = self._fallen()
        over = self._steps >= self._episode_steps
        return self._observation(), reward, fallen, over and not fallen, {}

    def render(self) -> np.ndarray | None:
        """The picture of the body's own camera, or None without a ``render_mode``."""
        return None if self.render_mode is None else self._body.render()

    def close(self) -> None:
        """Free the renderer."""
        self._body.close()


class _HalfCheetah(MetaLocomotion):
    """Observation ``[20]``: qpos without x, qvel, place of the torso. Never ends early."""

    def __init__(self, episode_steps: int, render_mode: str | None) -> None:
        super().__init__(HalfCheetahEnv(render_mode=render_mode), episode_steps, render_mode)

    def _observation(self) -> np.ndarray:
        data = self._body.data
        return np.concatenate([data.qpos[1:], data.qvel, self._body.get_body_com("torso")])


class HalfCheetahVel(_HalfCheetah):
    """Run at ``speed`` m/s: -|v - speed| - 0.05 sum a^2."""

    def __init__(
        self, speed: float = 1.0, episode_steps: int = EPISODE_STEPS, render_mode: str | None = None
    ) -> None:
        self._speed = speed
        super().__init__(episode_steps, render_mode)

    def _reward(self, velocity: np.ndarray, effort: float) -> float:
        return -abs(float(velocity[0]) - self._speed) - 0.05 * effort


class HalfCheetahDir(_HalfCheetah):
    """Run forward (``direction`` 1) or backward (-1): direction v - 0.05 sum a^2."""

    def __init__(
        self, direction: int = 1, episode_steps: int = EPISODE_STEPS,
        render_mode: str | None = None,
    ) -> None:  # fmt: skip
        self._direction = direction
        super().__init__(episode_steps, render_mode)

    def _reward(self, velocity: np.ndarray, effort: float) -> float:
        return self._direction * float(velocity[0]) - 0.05 * effort


class AntDir(MetaLocomotion):
    """Run towards ``angle`` degrees: v . (cos, sin) - 0.5 sum a^2 + 1.

    Observation ``[27]``: qpos without x and y, qvel. Ends where the torso leaves [0.2, 1.0] m.
    """

    def __init__(
        self, angle: float = 0.0, episode_steps: int = EPISODE_STEPS, render_mode: str | None = None
    ) -> None:
        self._ahead = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        super().__init__(AntEnv(render_mode=render_mode), episode_steps, render_mode)

    def _observation(self) -> np.ndarray:
        return np.concatenate([self._body.data.qpos[2:], self._body.data.qvel])

    def _reward(self, velocity: np.ndarray, effort: float) -> float:
        return float(velocity @ self._ahead) - 0.5 * effort + 1.0

    def _fallen(self) -> bool:
        return not 0.2 <= self._body.data.qpos[2] <= 1.0


class AntGoal(MetaLocomotion):
    """Go to (x, y): -(|dx| + |dy|) - 0.1 sum a^2.

    Observation ``[29]``: qpos with x and y, qvel. Never ends early.
    """

    def __init__(
        self, goal: tuple[float, float] = (0.0, 1.0), episode_steps: int = EPISODE_STEPS,
        render_mode: str | None = None,
    ) -> None:  # fmt: skip
        self._goal = np.array(goal, np.float64)
        super().__init__(AntEnv(render_mode=render_mode), episode_steps, render_mode)

    def _observation(self) -> np.ndarray:
        return np.concatenate([self._body.data.qpos, self._body.data.qvel])

    def _reward(self, velocity: np.ndarray, effort: float) -> float:
        away = np.abs(self._body.data.qpos[:2] - self._goal).sum()
        return -float(away) - 0.1 * effort


BODIES: dict[str, type[MetaLocomotion]] = {
    "HalfCheetahVel": HalfCheetahVel,
    "HalfCheetahDir": HalfCheetahDir,
    "AntDir": AntDir,
    "AntGoal": AntGoal,
}


def make_trials(
    task: str,
    episodes: int = EPISODES,
    render_mode: str | None = None,
    **kwargs: Any,
) -> Trials:
    """Trials of one of `BODIES`; ``kwargs`` are its goal and ``episode_steps``."""
    return Trials(BODIES[task](render_mode=render_mode, **kwargs), episodes)


def _spread(low: float, high: float, train: int, test: int) -> tuple[list[float], list[float]]:
    """(train, test) goals spread evenly over a range; test goals lie between training goals."""
    step = (high - low) / train
    every = train // test
    to_train = [round(low + step * (i + 0.5), 4) for i in range(train)]
    return to_train, [round(low + step * every * i, 4) for i in range(1, test)]


_SPEEDS, _TEST_SPEEDS = _spread(0.0, 3.0, 60, 15)
_ANGLES, _TEST_ANGLES = _spread(0.0, 360.0, 60, 15)
_PLACES, _TEST_PLACES = (
    [
        (round(radius * np.cos(angle), 3), round(radius * np.sin(angle), 3))
        for radius in (1.0, 2.0, 3.0)
        for angle in np.radians(angles)
    ]
    for angles in (np.arange(0.0, 360.0, 18.0), np.arange(9.0, 360.0, 72.0))
)

CHEETAH_VEL = goal_split("skill/HalfCheetahVel-v0", "speed", _SPEEDS, _TEST_SPEEDS)
"""Speeds in m/s, (train, test)."""
ANT_DIR = goal_split("skill/AntDir-v0", "angle", _ANGLES, _TEST_ANGLES)
"""Directions all round in degrees, (train, test)."""
ANT_GOAL = goal_split("skill/AntGoal-v0", "goal", _PLACES, _TEST_PLACES)
"""Places on three circles in metres, (train, test)."""
CHEETAH_DIR = TaskFamily(
    "skill/HalfCheetahDir-v0",
    goals=(Variant("forward", {"direction": 1}), Variant("backward", {"direction": -1})),
).all()
"""Both directions, which serve for training and for tests."""
