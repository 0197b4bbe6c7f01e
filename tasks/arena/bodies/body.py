"""The interface of a body to tasks: build it, place it, read it.

A `Body` describes itself to a `mujoco.MjSpec`, so that it can stand in any arena. Once the whole
scene is compiled, `Body.bind` looks up every index it needs and returns a `BoundBody`, whose
methods read and write plain array entries: no names are looked up while stepping.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import mujoco
import numpy as np


class BoundBody(ABC):
    """A body inside one compiled model and its data.

    Places and speeds are those of ``data.qpos`` and ``data.qvel``, exact after a step; MuJoCo's
    derived arrays (``xpos``, ``xmat``, ``sensordata``) are one physics step older.
    """

    @abstractmethod
    def place(self, x: float, y: float, yaw: float) -> None:
        """Stand at rest at ``x, y`` (metres) facing ``yaw`` (radians); writes qpos and qvel."""

    @abstractmethod
    def pose(self) -> tuple[float, float, float]:
        """The centre's x, y (metres) and the heading's yaw (radians), all in the world."""

    @abstractmethod
    def height(self) -> float:
        """The centre's z (metres) in the world."""

    def fallen(self) -> bool:
        """Whether the body lies upside down, which ends an episode; False for one that cannot."""
        return False

    @abstractmethod
    def proprioception(self) -> np.ndarray:
        """Proprioception, float32 ``[proprioception_size]``, without the body's place."""


class Body(ABC):
    """A body that can be put into any arena. Subclasses are constant: one file, one body."""

    name: str
    """Short name, the value of a task's ``body=`` argument."""
    action_size: int
    """Number of actuators; each takes a control in [-1, 1]."""
    proprioception_size: int
    """Length of `BoundBody.proprioception`."""
    radius: float
    """Metres from its centre that must be free of walls and objects where it starts."""

    @abstractmethod
    def build(self, spec: mujoco.MjSpec) -> None:
        """Add the body and its actuators to ``spec`` at the world's origin.

        Actuators must be added in the action's order, and before anybody else's.
        A camera named ``egocentric`` that looks ahead belongs to it.
        """

    @abstractmethod
    def bind(self, model: mujoco.MjModel, data: mujoco.MjData) -> BoundBody:
        """The same body inside the compiled ``model``."""
