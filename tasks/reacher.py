"""Multi-task Reacher: bring the fingertip to a goal that cannot be seen, with several arms (DSE).

The model is Gymnasium's Reacher-v5 with the elbow moved along the arm; the goal is left out of the
observation, so that an agent must learn it as an embedding. Gymnasium shows the fingertip's place
less the goal's; here the place itself is seen, which with the joints' angles tells the arm.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np
from gymnasium import spaces
from gymnasium.envs import mujoco as gymnasium_mujoco

from skill_train.tasks.families import TaskFamily, Variant
from skill_train.tasks.simulation import Simulation

ARM_LENGTH = 0.2  # metres, Reacher-v5: two links of 0.1, the fingertip's centre 0.01 further out
FINGERTIP = 0.01
CONTROL_STEP = 0.02  # seconds, Reacher-v5
EPISODE_STEPS = 100  # table 2
PROXIMITY_BONUS = 0.1  # per step at the goal; table 2 has a bonus but not its size
PROXIMITY_RADIUS = 0.05  # metres from the goal at which it is zero; not given
GOAL_RADIUS = 0.14
"""Metres; every arm reaches it. Where the goals were is not given."""

_MODEL = Path(gymnasium_mujoco.__file__).parent / "assets" / "reacher.xml"
_PICTURE_SIZE = (256, 256)


def _arm(upper: float) -> Variant:
    return Variant(f"arm={100 * upper:.0f}/{100 * (1 - upper):.0f}", {"upper_arm": upper})


def _goal(degrees: float) -> Variant:
    angle = math.radians(degrees)
    place = (round(GOAL_RADIUS * math.cos(angle), 4), round(GOAL_RADIUS * math.sin(angle), 4))
    return Variant(f"goal={degrees:g}deg", {"goal": place})


GRID = TaskFamily(
    "skill/Reacher-v0",
    dynamics=tuple(_arm(upper) for upper in (0.5, 0.33, 0.67)),  # figure 4
    goals=tuple(_goal(degrees) for degrees in (60.0, 180.0, 300.0)),
)
"""The 3x3 tasks of figure 4."""

CORNERS = TaskFamily(
    "skill/Reacher-v0",
    dynamics=tuple(_arm(upper) for upper in (0.33, 0.67)),  # figure 9
    goals=tuple(_goal(degrees) for degrees in (45.0, 135.0, 225.0, 315.0)),  # figure 9: a square
)
"""The 2x4 tasks of figure 9."""


class Reacher(gymnasium.Env):
    """Hold the fingertip at ``goal`` (x, y in metres) with an elbow at ``upper_arm`` of the arm.

    Observation: ``state`` ``[8]`` float32: cosines and sines of the two joints, their velocities,
    the fingertip's x and y. Actions: two torques in [-1, 1], larger ones are clipped.
    Reward: Reacher-v5's (minus distance, minus the squared actions) plus a bonus that rises from 0
    at 0.05 m from the goal to 0.1 at it. Never terminates; truncates after ``episode_steps``.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": round(1 / CONTROL_STEP)}  # noqa: RUF012

    def __init__(
        self,
        upper_arm: float = 0.5,
        goal: tuple[float, float] = (0.1, 0.1),
        proximity_bonus: float = PROXIMITY_BONUS,
        episode_steps: int = EPISODE_STEPS,
        render_mode: str | None = None,
    ) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode must be None or 'rgb_array', not {render_mode!r}")
        if not 0.0 < upper_arm < 1.0 or episode_steps < 1:
            raise ValueError(
                f"Reacher needs upper_arm between 0 and 1 and episode_steps of at least 1, not "
                f"{upper_arm} and {episode_steps}"
            )
        self.render_mode = render_mode
        self._goal = np.asarray(goal, np.float64)
        self._bonus = proximity_bonus
        self._episode_steps = episode_steps
        self._steps = 0
        self._simulation = Simulation(_varied(upper_arm), CONTROL_STEP)
        data = self._simulation.data
        self._tip = data.body("fingertip").xpos[:2]
        self._target = data.body("target").xpos[:2]
        self.observation_space = spaces.Dict({"state": spaces.Box(-np.inf, np.inf, (8,))})
        self.action_space = spaces.Box(-1.0, 1.0, (2,))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Reacher-v5's start: joints within 0.1 rad of the arm along x, hardly moving."""
        super().reset(seed=seed)
        self._simulation.reset()
        data = self._simulation.data
        data.qpos[:2] = self.np_random.uniform(-0.1, 0.1, 2)
        data.qvel[:2] = self.np_random.uniform(-0.005, 0.005, 2)
        data.qpos[2:] = self._goal
        self._simulation.forward()
        self._steps = 0
        return self._observation(), {}

    def step(
        self, action: np.ndarray
    ) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Hold two torques for 0.02 s."""
        action = np.clip(action, -1.0, 1.0)
        self._simulation.step(action)
        self._steps += 1
        dx, dy = (self._tip - self._target).tolist()
        distance = math.hypot(dx, dy)
        near = max(0.0, 1.0 - distance / PROXIMITY_RADIUS)
        reward = self._bonus * near - distance - float(action @ action)
        return self._observation(), reward, False, self._steps >= self._episode_steps, {}

    def render(self) -> np.ndarray | None:
        """The arm from above, uint8 ``[256, 256, 3]``; the goal is red."""
        if self.render_mode is None:
            return None
        return self._simulation.render("above", *_PICTURE_SIZE)

    def close(self) -> None:
        """Free the renderer."""
        self._simulation.close()

    def _observation(self) -> dict[str, np.ndarray]:
        data = self._simulation.data
        joints = data.qpos[:2]
        seen = np.concatenate([np.cos(joints), np.sin(joints), data.qvel[:2], self._tip])
        return {"state": seen.astype(np.float32)}


def _varied(upper_arm: float) -> mujoco.MjSpec:
    """Gymnasium's model with the elbow at ``upper_arm`` of the arm's length."""
    spec = mujoco.MjSpec.from_file(str(_MODEL))
    upper, lower = upper_arm * ARM_LENGTH, (1.0 - upper_arm) * ARM_LENGTH
    spec.geom("link0").fromto = [0.0, 0.0, 0.0, upper, 0.0, 0.0]
    spec.geom("link1").fromto = [0.0, 0.0, 0.0, lower, 0.0, 0.0]
    spec.body("body1").pos = [upper, 0.0, 0.0]
    spec.body("fingertip").pos = [lower + FINGERTIP, 0.0, 0.0]
    spec.worldbody.add_camera(name="above", pos=[0.0, 0.0, 0.75])
    return spec
