"""A task of one's own: a point on a line brakes at its target. Importing this file registers it.

skill-train run sac/gymnasium --module examples/own_task.py --tasks.env-id own/Brake-v0
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

SECONDS_PER_STEP = 0.1


class Brake(gymnasium.Env[dict[str, np.ndarray], np.ndarray]):
    """``state`` ``[2]``: position (m) and speed (m/s). ``goal`` ``[1]``: where to stand still (m).

    Action ``[1]`` in [-3, 3]: the acceleration (m/s^2). Reward: minus the distance to the goal,
    and a tenth of the speed, in every step.
    """

    def __init__(self) -> None:
        self.observation_space = spaces.Dict(
            {
                "state": spaces.Box(-np.inf, np.inf, (2,), np.float32),
                "goal": spaces.Box(-1.0, 1.0, (1,), np.float32),
            }
        )
        self.action_space = spaces.Box(-3.0, 3.0, (1,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        super().reset(seed=seed)
        self.position, self.speed = 0.0, 0.0
        self.goal = self.np_random.uniform(-1.0, 1.0)
        return self._observation(), {}

    def step(
        self, action: np.ndarray
    ) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        self.speed += SECONDS_PER_STEP * float(action[0])
        self.position += SECONDS_PER_STEP * self.speed
        distance = abs(self.goal - self.position)
        reward = -distance - 0.1 * abs(self.speed)
        return self._observation(), reward, False, False, {"success": distance < 0.05}

    def _observation(self) -> dict[str, np.ndarray]:
        return {
            "state": np.array([self.position, self.speed], np.float32),
            "goal": np.array([self.goal], np.float32),
        }


gymnasium.register("own/Brake-v0", entry_point=Brake, max_episode_steps=50)
