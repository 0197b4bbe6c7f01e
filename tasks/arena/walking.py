"""Walk ahead, back, left or right at a fixed speed (hierarchical KL, appendix A, first task).

The direction is drawn at the start and another one half-way through the episode. The paper gives
neither speed nor reward: the speed is that of dm_control's walk, the reward 1 for moving exactly so
and less by a Gaussian of the difference. Directions are the body's own, so nothing has to turn.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skill_train.tasks.arena.bodies import make_body
from skill_train.tasks.arena.egocentric import Pose, seen_from
from skill_train.tasks.arena.rooms import square_room
from skill_train.tasks.arena.task import ArenaTask, Outcome

SPEED = 1.0  # m/s
TOLERANCE = 0.5  # m/s, standard deviation of the Gaussian
EPISODE_STEPS = 800
CONTROL_STEP = 0.025  # seconds, dm_control's humanoid; 20 s of it, as long as other tasks last
ROOM_SIZE = 24.0  # metres: ten seconds ahead from the middle stay clear of the walls
DIRECTIONS = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))
"""Ahead, left, back, right, as (ahead, left)."""


class Walking(ArenaTask):
    """Move in a direction of the body's own at `SPEED`, for as long as the body stands.

    Observations (float32), besides those of `ArenaTask`:

    * ``task`` ``[4]``: one-hot of ahead, left, back, right.

    The reward of a step is ``exp(-|v - v*|^2 / (2 TOLERANCE^2))``: v is the body's mean velocity
    over the step, seen from its pose before it, v* the direction times `SPEED`. Nothing counts as
    success.
    """

    def __init__(
        self,
        body: str = "humanoid",
        episode_steps: int = EPISODE_STEPS,
        control_step: float = CONTROL_STEP,
        render_mode: str | None = None,
    ) -> None:
        described = make_body(body)
        spec = square_room(ROOM_SIZE)
        described.build(spec)
        super().__init__(
            spec,
            described,
            {"task": len(DIRECTIONS)},
            episode_steps=episode_steps,
            control_step=control_step,
            render_mode=render_mode,
        )
        self._seconds = control_step
        self._direction = 0
        self._before: Pose = (0.0, 0.0, 0.0)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Draw an episode; ``info`` is empty."""
        observation, _ = super().reset(seed=seed, options=options)
        return observation, {}

    def step(
        self, action: np.ndarray
    ) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Hold ``action`` for one control step; ``info`` is empty."""
        return *super().step(action)[:4], {}

    def _arrange(self) -> None:
        self._direction = int(self.np_random.integers(len(DIRECTIONS)))
        self._before = (0.0, 0.0, float(self.np_random.uniform(-np.pi, np.pi)))
        self._body.place(*self._before)

    def _outcome(self, pose: Pose) -> Outcome:
        ahead, left = seen_from(self._before, [pose[:2]])
        wanted_ahead, wanted_left = DIRECTIONS[self._direction]
        off_ahead = ahead / self._seconds - SPEED * wanted_ahead
        off_left = left / self._seconds - SPEED * wanted_left
        reward = float(np.exp(-(off_ahead**2 + off_left**2) / (2 * TOLERANCE**2)))
        self._before = pose
        if self._steps == self._episode_steps // 2:
            self._direction += 1 + int(self.np_random.integers(len(DIRECTIONS) - 1))
            self._direction %= len(DIRECTIONS)
        return Outcome(reward, success=False)

    def _seen(self, pose: Pose) -> dict[str, np.ndarray]:
        return {"task": np.eye(len(DIRECTIONS), dtype=np.float32)[self._direction]}
