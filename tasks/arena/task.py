"""The base of the tasks of a body in an arena: control steps, the end of episodes, the camera.

A subclass builds its scene, arranges an episode, and gives observations and the outcome of steps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

import gymnasium
import mujoco
import numpy as np
from gymnasium import spaces

from skill_train.tasks.arena.bodies import Body
from skill_train.tasks.arena.egocentric import Pose
from skill_train.tasks.simulation import Simulation

EPISODE_STEPS = 400  # appendix E.2.1
CONTROL_STEP = 0.05  # seconds, the authors' released tasks
SIGHT = (64, 64)  # width, height of the body's picture, appendix E.2.1 "Manipulation (vision)"


class Outcome(NamedTuple):
    """The outcome of one control step."""

    reward: float
    success: bool
    """Whether the task is done, which ends the episode."""
    failure: bool = False
    """Whether the task has failed, which ends the episode, as does a body that falls over."""


class ArenaTask(gymnasium.Env, ABC):
    """A body in an arena, for at most ``episode_steps`` control steps of ``control_step`` seconds.

    Observations (float32): ``proprioception``, the body's own, see `tasks.arena.bodies`; the groups
    of the task, see the subclass; with ``vision``, ``pixels``, the picture of the body's camera,
    uint8 ``[64, 64, 3]``, instead of the coordinates of targets.

    Actions: one control in [-1, 1] for each of the body's actuators; larger values are clipped.
    An episode terminates at success, and if the body lies upside down; a time limit truncates.
    ``info["success"]`` is a bool at every step.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": round(1 / CONTROL_STEP)}  # noqa: RUF012
    picture_size = (256, 256)
    """Width and height of the picture of `render`."""

    def __init__(
        self,
        spec: mujoco.MjSpec,
        body: Body,
        groups: Mapping[str, int],
        *,
        vision: bool = False,
        episode_steps: int = EPISODE_STEPS,
        control_step: float = CONTROL_STEP,
        render_mode: str | None = None,
    ) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode must be None or 'rgb_array', not {render_mode!r}")
        if episode_steps < 1:
            raise ValueError(f"episode_steps must be at least 1, not {episode_steps}")
        self.render_mode = render_mode
        self._vision = vision
        self._episode_steps = episode_steps
        self._simulation = Simulation(spec, control_step)
        self._body = body.bind(self._simulation.model, self._simulation.data)
        self._steps = 0

        seen: dict[str, spaces.Space] = {"proprioception": _unbounded(body.proprioception_size)}
        seen |= {name: _unbounded(size) for name, size in groups.items() if size}
        if vision:
            width, height = SIGHT
            seen["pixels"] = spaces.Box(0, 255, (height, width, 3), np.uint8)
        self.observation_space = spaces.Dict(seen)
        self.action_space = spaces.Box(-1.0, 1.0, (body.action_size,), np.float32)

    @abstractmethod
    def _arrange(self) -> None:
        """Draw an episode with ``self.np_random`` and place everything."""

    @abstractmethod
    def _outcome(self, pose: Pose) -> Outcome:
        """The outcome of the control step that has just ended."""

    @abstractmethod
    def _seen(self, pose: Pose) -> dict[str, np.ndarray]:
        """The task's own groups of observations, float32."""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Draw an episode; ``options`` are not used."""
        super().reset(seed=seed)
        self._steps = 0
        self._simulation.reset()
        self._arrange()
        self._simulation.forward()
        return self._observation(self._body.pose()), {"success": False}

    def step(
        self, action: np.ndarray
    ) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Hold ``action`` for one control step. Raises ValueError if it is not finite."""
        self._simulation.step(action)
        self._steps += 1
        pose = self._body.pose()
        reward, success, failure = self._outcome(pose)
        terminated = success or failure or self._body.fallen()
        truncated = self._steps >= self._episode_steps and not terminated
        return self._observation(pose), reward, terminated, truncated, {"success": success}

    def render(self) -> np.ndarray | None:
        """The arena from above, uint8 ``[height, width, 3]``."""
        if self.render_mode is None:
            return None
        return self._simulation.render("overhead", *self.picture_size)

    def close(self) -> None:
        """Free the renderer."""
        self._simulation.close()

    def _observation(self, pose: Pose) -> dict[str, np.ndarray]:
        observation = {"proprioception": self._body.proprioception(), **self._seen(pose)}
        if self._vision:
            observation["pixels"] = self._simulation.render("egocentric", *SIGHT)
        return observation


def _unbounded(size: int) -> spaces.Box:
    return spaces.Box(-np.inf, np.inf, (size,), np.float32)
