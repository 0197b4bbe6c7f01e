"""Objects that tasks put into arenas: flat square targets, and cubes to push.

Both are built once; an episode's places and colours are written into the compiled model and data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import mujoco
import numpy as np

from skill_train.tasks.arena.egocentric import Place

TARGET_HALF_SIZE = 0.5  # metres, the authors' released tasks: |dx| and |dy| at most this
BOX_HALF_SIZE = 0.5  # metres, the authors' released tasks
BOX_MASS = 1.5  # kg, the authors' released tasks
# kg; not in the paper. The ball pushes it at 0.4 m/s, a box of 1.5 kg at 0.8 and 3 kg not at all.
HEAVY_BOX_MASS = 2.0
# Of a box, against floor and bodies; ours. At 1 the rolling ball rubs the box down: no push.
BOX_FRICTION = 0.5
BOX_REACH = math.sqrt(2.0) * BOX_HALF_SIZE  # metres from its centre to an upright edge

Colour = tuple[float, float, float, float]

_BOX_COLOURS: tuple[Colour, ...] = ((0.85, 0.65, 0.3, 1.0), (0.6, 0.35, 0.65, 1.0))
_SIGNS = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)


def in_target(place: Sequence[float], target: Place) -> bool:
    """Whether ``place`` (its x and y) is in the square region of ``target``."""
    return (
        abs(place[0] - target[0]) <= TARGET_HALF_SIZE
        and abs(place[1] - target[1]) <= TARGET_HALF_SIZE
    )


def add_targets(spec: mujoco.MjSpec, count: int) -> None:
    """Add ``count`` targets, squares on the floor that nothing collides with."""
    for i in range(count):
        spec.worldbody.add_site(
            name=f"target_{i}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            # Not the origin: MuJoCo ignores later moves of a site compiled on its body's frame.
            pos=[1.0 + i, 0.0, 0.01],
            size=[TARGET_HALF_SIZE, TARGET_HALF_SIZE, 0.01],
        )


class Targets:
    """The targets of a compiled scene; ``places`` are those of this episode."""

    def __init__(self, model: mujoco.MjModel, count: int) -> None:
        self._model = model
        self._sites = [model.site(f"target_{i}").id for i in range(count)]
        self.places: list[Place] = []

    def arrange(self, places: np.ndarray, colours: Sequence[Colour]) -> None:
        """Move the targets to ``places`` ``[count, 2]`` and paint them."""
        self.places = [(float(x), float(y)) for x, y in places]
        if self._sites:
            self._model.site_pos[self._sites, :2] = places
            self._model.site_rgba[self._sites] = colours


def add_boxes(spec: mujoco.MjSpec, count: int, mass: float) -> None:
    """Add ``count`` cubes of ``mass`` kg that move freely."""
    for i in range(count):
        body = spec.worldbody.add_body(name=f"box_{i}", pos=[2.0 * i, 0.0, BOX_HALF_SIZE])
        body.add_freejoint(name=f"box_{i}")
        body.add_geom(
            name=f"box_{i}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            size=[BOX_HALF_SIZE] * 3,
            mass=mass,
            friction=[BOX_FRICTION, 0.005, 0.0001],
            priority=1,  # its friction counts, whatever touches it; walls have more
            rgba=_BOX_COLOURS[i % len(_BOX_COLOURS)],
        )


class Boxes:
    """The boxes of a compiled scene."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, count: int) -> None:
        self._data = data
        self._geoms = [model.geom(f"box_{i}").id for i in range(count)]
        starts = [model.joint(f"box_{i}").qposadr[0] for i in range(count)]
        self._qpos = [data.qpos[start : start + 7] for start in starts]
        self._rotation = np.empty(9)
        self._matrix = self._rotation.reshape(3, 3).T  # a view: points as rows times this

    def place(self, box: int, x: float, y: float, yaw: float) -> None:
        """Stand a box at rest on the floor; call after the simulation's reset."""
        half = yaw / 2
        self._qpos[box][:] = x, y, BOX_HALF_SIZE, math.cos(half), 0.0, 0.0, math.sin(half)

    def centre(self, box: int) -> list[float]:
        """x, y, z of a box, metres in the world."""
        return self._qpos[box][:3].tolist()

    def corners(self) -> np.ndarray:
        """The corners of all boxes, ``[8 * count, 3]`` metres in the world."""
        corners = np.empty((8 * len(self._qpos), 3))
        for i, qpos in enumerate(self._qpos):
            mujoco.mju_quat2Mat(self._rotation, qpos[3:])
            corners[8 * i : 8 * i + 8] = _SIGNS @ (BOX_HALF_SIZE * self._matrix) + qpos[:3]
        return corners

    def touching(self, a: int, b: int) -> bool:
        """Whether two boxes are in contact, as the last physics step found before it moved them."""
        pair = {self._geoms[a], self._geoms[b]}
        return any({one, other} == pair for one, other in self._data.contact.geom.tolist())
