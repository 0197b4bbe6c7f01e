"""One compiled MuJoCo scene: stepped with the bindings directly, never recompiled.

Gymnasium's MujocoEnv reads XML files and rebuilds observations by name; tasks here hold the model
and data themselves, which is several times faster for small bodies.
"""

from __future__ import annotations

import mujoco
import numpy as np

from skill_train.tasks.rendering import SceneRenderer


class Simulation:
    """Model and data of ``spec``, stepped ``control_step`` seconds at a time.

    ``control_step`` must be a whole number of the spec's physics steps, else ValueError.
    """

    def __init__(self, spec: mujoco.MjSpec, control_step: float) -> None:
        self.model: mujoco.MjModel = spec.compile()
        self.data = mujoco.MjData(self.model)
        self.physics_steps = round(control_step / self.model.opt.timestep)
        if abs(self.physics_steps * self.model.opt.timestep - control_step) > 1e-9:
            raise ValueError(
                f"a control step of {control_step} s is not a whole number of "
                f"physics steps of {self.model.opt.timestep} s"
            )
        self._ctrl = self.data.ctrl
        self._renderers: dict[tuple[int, int], SceneRenderer] = {}

    def reset(self) -> None:
        """Reset everything to the model's initial state, at time zero."""
        mujoco.mj_resetData(self.model, self.data)

    def forward(self) -> None:
        """Bring derived quantities (contacts, positions of sites) up to date with qpos."""
        mujoco.mj_forward(self.model, self.data)

    def step(self, action: np.ndarray) -> None:
        """Hold ``action`` (one control per actuator, clipped to its range) for a control step.

        Raises ValueError if the action holds a NaN or an infinity: MuJoCo would quietly reset.
        """
        self._ctrl[:] = action
        # The sum of finite controls is finite, and one float is the cheapest thing to test.
        if not abs(self._ctrl.sum()) < np.inf:
            raise ValueError(f"an action must be finite numbers, not {action}")
        mujoco.mj_step(self.model, self.data, self.physics_steps)

    def render(self, camera: str, width: int, height: int) -> np.ndarray:
        """The picture of ``camera``, uint8 ``[height, width, 3]``.

        Raises RuntimeError if no headless OpenGL is installed.
        """
        size = (width, height)
        if size not in self._renderers:
            self._renderers[size] = SceneRenderer(self.model, width, height)
        self.forward()
        return self._renderers[size].render(self.data, camera)

    def close(self) -> None:
        """Free the renderers' OpenGL contexts, if there are any."""
        while self._renderers:
            self._renderers.popitem()[1].close()
