"""A point on a plane, and a hidden goal on the upper half of the unit circle.

After a meta-RL task of the public implementations, which pays near the goal only; here every step
pays by the distance. The paper does not have this task. An episode has 20 steps and the goal is ten
full steps away, so an agent that knows the goal reaches it halfway.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from gymnasium import spaces
from PIL import Image, ImageDraw

from skill_train.tasks.families import goal_split
from skill_train.tasks.vector_trials import OneTrial, VectorTrials

STEP = 0.1
"""Length of the largest move along each axis."""
EPISODE_STEPS = 20
EPISODES = 3
_SIDE = 240

TRAIN, TEST = goal_split(
    "skill/PointRobot-v0",
    "angle",
    train=[round(180.0 * (i + 0.5) / 60, 2) for i in range(60)],
    test=[round(180.0 * (i + 1) / 20, 2) for i in range(19)],
)
"""Directions in degrees, (train, test); each test direction is halfway between two of training."""


class VectorPointRobot(VectorTrials):
    """``num_envs`` points with their goals at ``angle`` degrees, one or one for each.

    ``state`` and ``arrived``: x and y. Actions ``[2]`` in [-1, 1], clipped: a tenth of them is
    added to x and y. Reward: minus the distance to the goal after the move.
    """

    def __init__(
        self, num_envs: int, angle: float | Sequence[float] = 90.0, episodes: int = EPISODES
    ) -> None:
        degrees = np.asarray(angle, np.float64)
        degrees = degrees if degrees.ndim == 1 else np.full(num_envs, degrees)
        if len(degrees) != num_envs:
            raise ValueError(f"{num_envs} points need a goal each, not {len(degrees)}")
        state = spaces.Box(-np.inf, np.inf, (2,), np.float32)
        action = spaces.Box(-1.0, 1.0, (2,), np.float32)
        super().__init__(num_envs, state, action, episodes, EPISODE_STEPS)
        radians = np.radians(degrees)
        self._goal = np.stack([np.cos(radians), np.sin(radians)], -1)
        self._position = np.zeros((num_envs, 2))

    def _place(self) -> None:
        self._position = np.zeros((self.num_envs, 2))

    def _move(self, actions: np.ndarray) -> np.ndarray:
        self._position = self._position + STEP * np.clip(actions, -1.0, 1.0)
        distance: np.ndarray = np.hypot(*(self._position - self._goal).T)
        return -distance

    def _state(self) -> np.ndarray:
        return self._position.astype(np.float32)

    def picture(self) -> np.ndarray:
        """Picture of the first point, orange, and its goal, green, from above."""
        image = Image.new("RGB", (_SIDE, _SIDE), (235, 235, 235))
        draw = ImageDraw.Draw(image)
        for (x, y), radius, colour in (
            (self._goal[0], 9, (40, 170, 80)),
            (self._position[0], 6, (220, 120, 30)),
        ):
            across, down = _SIDE * (x + 1.5) / 3.0, _SIDE * (1.5 - y) / 3.0
            draw.ellipse((across - radius, down - radius, across + radius, down + radius), colour)
        return np.asarray(image)


class PointRobot(OneTrial):
    """A single `VectorPointRobot`."""

    def __init__(
        self, angle: float = 90.0, episodes: int = EPISODES, render_mode: str | None = None
    ) -> None:
        super().__init__(VectorPointRobot(1, [angle], episodes), render_mode)


def straight_return() -> float:
    """Return of an episode of an agent that knows the goal, straight above (90 degrees)."""
    return -sum(abs(1.0 - STEP * t) for t in range(1, math.ceil(1.0 / STEP)))
