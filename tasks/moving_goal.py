"""Reacher with a goal that goes round in a circle, to be followed with the fingertip (DSE, 6.2)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium import spaces

from skill_train.tasks.reacher import GOAL_RADIUS, PROXIMITY_BONUS, Reacher

EPISODE_STEPS = 180  # table 2
LAP_STEPS = 180  # ours: one lap in an episode


class MovingGoalReacher(Reacher):
    """Follow a goal on a circle of ``radius`` metres about the shoulder, ``lap_steps`` for a lap.

    Observation: ``state`` ``[8]`` as in `Reacher`, and ``goal`` ``[4]``: its x and y, then the
    fingertip's x and y less the goal's (Reacher-v5 shows both of its goal).
    The goal starts at a random angle and goes round counterclockwise at constant speed; the rest is
    `Reacher`'s. Never terminates; truncates after ``episode_steps``.
    """

    def __init__(
        self,
        upper_arm: float = 0.5,
        radius: float = GOAL_RADIUS,
        lap_steps: int = LAP_STEPS,
        proximity_bonus: float = PROXIMITY_BONUS,
        episode_steps: int = EPISODE_STEPS,
        render_mode: str | None = None,
    ) -> None:
        if lap_steps < 2:
            raise ValueError(f"a lap needs lap_steps of at least 2, not {lap_steps}")
        super().__init__(
            upper_arm,
            proximity_bonus=proximity_bonus,
            episode_steps=episode_steps,
            render_mode=render_mode,
        )
        self._radius, self._turn, self._angle = radius, 2.0 * math.pi / lap_steps, 0.0
        self.observation_space = spaces.Dict(
            {**self.observation_space, "goal": spaces.Box(-np.inf, np.inf, (4,))}
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Reacher's start, with the goal anywhere on the circle."""
        super().reset(seed=seed, options=options)
        self._angle = float(self.np_random.uniform(0.0, 2.0 * math.pi))
        self._place()
        self._simulation.forward()
        return self._observation(), {}

    def step(
        self, action: np.ndarray
    ) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Hold two torques for 0.02 s; reward and observation are those at the goal's new place."""
        self._angle += self._turn
        self._place()
        return super().step(action)

    def _place(self) -> None:
        angle = self._angle
        self._simulation.data.qpos[2:] = (
            self._radius * math.cos(angle),
            self._radius * math.sin(angle),
        )

    def _observation(self) -> dict[str, np.ndarray]:
        goal = np.concatenate([self._target, self._tip - self._target])
        return {**super()._observation(), "goal": goal.astype(np.float32)}
