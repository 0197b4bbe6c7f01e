"""Go to 1 of 3 targets (hierarchical KL, appendix E.2.1), for any body.

Body and targets stand at random places of a walled square; one target is named. The episode ends
with reward 60 at the control step at which the body's centre is in the named target's region.
"""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import mujoco
import numpy as np
from gymnasium import spaces

from tasks.arenas import square_room
from tasks.bodies import make_body
from tasks.simulation import Simulation

ARENA_SIZE = 8.0  # metres, appendix E.2.1
NUM_TARGETS = 3  # appendix E.2.1
SUCCESS_REWARD = 60.0  # appendix E.2.1
EPISODE_STEPS = 400  # appendix E.2.1
CONTROL_STEP = 0.05  # seconds, the authors' released tasks
TARGET_HALF_SIZE = 0.5  # metres, the authors' released tasks: |dx| and |dy| at most this
ROOM_TO_SPARE = 1.5  # floor for centres per area of regions; with less, drawing places is slow
PICTURE_SIZE = (256, 256)  # width, height

_TARGET_COLOUR = (0.2, 0.4, 0.9, 0.5)
_NAMED_TARGET_COLOUR = (0.1, 0.9, 0.2, 0.8)


class GoToTarget(gymnasium.Env):
    """Drive a body to the named one of several targets in a walled square room.

    Observations (float32):

    * ``proprioception``: the body's own, see `tasks.bodies`;
    * ``task`` ``[3 * num_targets]``: each target's place ahead (+) and to the left (+) of the
      body, in metres, in the plane of the floor and relative to its heading; then the one-hot of
      the named target. It has the same meaning for every body.

    Actions: one control in [-1, 1] for each of the body's actuators; larger values are clipped.
    ``info["success"]`` is a bool at every step. A time limit truncates after ``episode_steps``.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": round(1 / CONTROL_STEP)}  # noqa: RUF012

    def __init__(
        self,
        body: str = "ball",
        arena_size: float = ARENA_SIZE,
        num_targets: int = NUM_TARGETS,
        episode_steps: int = EPISODE_STEPS,
        control_step: float = CONTROL_STEP,
        render_mode: str | None = None,
    ) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode must be None or 'rgb_array', not {render_mode!r}")
        if num_targets < 1 or episode_steps < 1:
            raise ValueError("num_targets and episode_steps must be at least 1")
        described = make_body(body)
        # Regions lie wholly inside the walls, and so does the body.
        self._half_range = arena_size / 2 - max(TARGET_HALF_SIZE, described.radius)
        regions = (num_targets + 1) * (2 * TARGET_HALF_SIZE) ** 2
        if self._half_range <= 0 or (2 * self._half_range) ** 2 < ROOM_TO_SPARE * regions:
            raise ValueError(
                f"an arena of {arena_size} m is too small for a {body} and {num_targets} targets"
            )
        self.render_mode = render_mode
        self._num_targets = num_targets
        self._episode_steps = episode_steps

        spec = square_room(arena_size)
        described.build(spec)
        for i in range(num_targets):
            spec.worldbody.add_site(
                name=f"target_{i}",
                type=mujoco.mjtGeom.mjGEOM_BOX,
                # Not the origin: MuJoCo ignores later moves of a site compiled on its body's frame.
                pos=[1.0 + i, 0.0, 0.01],
                size=[TARGET_HALF_SIZE, TARGET_HALF_SIZE, 0.01],
                rgba=_TARGET_COLOUR,
            )
        self._simulation = Simulation(spec, control_step)
        model = self._simulation.model
        self._body = described.bind(model, self._simulation.data)
        self._sites = [model.site(f"target_{i}").id for i in range(num_targets)]

        self.observation_space = spaces.Dict(
            {
                "proprioception": _unbounded(described.proprioception_size),
                "task": _unbounded(3 * num_targets),
            }
        )
        self.action_space = spaces.Box(-1.0, 1.0, (described.action_size,), np.float32)
        self._targets: list[tuple[float, float]] = []
        self._named = 0
        self._one_hot: list[float] = []
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Draw places, the heading and the named target; `options` are not used."""
        super().reset(seed=seed)
        places = self._draw_places()
        self._targets = [(float(x), float(y)) for x, y in places[1:]]
        self._named = int(self.np_random.integers(self._num_targets))
        self._one_hot = [float(i == self._named) for i in range(self._num_targets)]
        self._steps = 0

        self._simulation.reset()
        yaw = self.np_random.uniform(-math.pi, math.pi)
        self._body.place(float(places[0, 0]), float(places[0, 1]), yaw)
        model = self._simulation.model
        model.site_pos[self._sites, :2] = places[1:]
        model.site_rgba[self._sites] = _TARGET_COLOUR
        model.site_rgba[self._sites[self._named]] = _NAMED_TARGET_COLOUR
        self._simulation.forward()
        return self._observation(self._body.pose()), {"success": False}

    def step(
        self, action: np.ndarray
    ) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Hold ``action`` for one control step. Raises ValueError if it is not finite."""
        self._simulation.step(action)
        self._steps += 1
        pose = self._body.pose()
        x, y = self._targets[self._named]
        success = abs(pose[0] - x) <= TARGET_HALF_SIZE and abs(pose[1] - y) <= TARGET_HALF_SIZE
        reward = SUCCESS_REWARD if success else 0.0
        truncated = self._steps >= self._episode_steps and not success
        return self._observation(pose), reward, success, truncated, {"success": success}

    def render(self) -> np.ndarray | None:
        """The room from above, uint8 ``[256, 256, 3]``; the named target is green."""
        if self.render_mode is None:
            return None
        return self._simulation.render("overhead", *PICTURE_SIZE)

    def close(self) -> None:
        """Free the renderer."""
        self._simulation.close()

    def _draw_places(self) -> np.ndarray:
        """Body and targets, ``[1 + num_targets, 2]``: uniform, no two regions overlapping."""
        while True:
            places = self.np_random.uniform(
                -self._half_range, self._half_range, (1 + self._num_targets, 2)
            )
            apart = np.abs(places[:, None] - places[None]).max(axis=-1)
            np.fill_diagonal(apart, np.inf)
            if apart.min() > 2 * TARGET_HALF_SIZE:
                return places

    def _observation(self, pose: tuple[float, float, float]) -> dict[str, np.ndarray]:
        x, y, yaw = pose
        cos, sin = math.cos(yaw), math.sin(yaw)
        task: list[float] = []
        for target_x, target_y in self._targets:
            dx, dy = target_x - x, target_y - y
            task.append(cos * dx + sin * dy)
            task.append(cos * dy - sin * dx)
        return {
            "proprioception": self._body.proprioception(),
            "task": np.array(task + self._one_hot, np.float32),
        }


def _unbounded(size: int) -> spaces.Box:
    return spaces.Box(-np.inf, np.inf, (size,), np.float32)
