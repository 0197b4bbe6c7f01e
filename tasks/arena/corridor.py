"""The corridor with one gap as `mujoco.MjSpec`: two platforms that slide apart between walls."""

from __future__ import annotations

import mujoco

from skill_train.tasks.arena.rooms import (
    FLOOR_FRICTION,
    WALL_HALF_THICKNESS,
    WALL_HEIGHT,
    add_wall,
    empty_arena,
)

HALF_DEPTH = 0.5  # metres, half the platforms' thickness
BEYOND = 3.0  # metres of floor past the corridor's end, for a body that stops there


def gap_corridor(length: float, width: float) -> mujoco.MjSpec:
    """A corridor from x = 0 to ``length`` metres, ``width`` metres wide, with a wall behind.

    The floor is two platforms, whose gap `Gap.open` sets; nothing is below them. A camera named
    ``overhead`` sees all of it in a picture four times as wide as high.
    """
    spec = empty_arena()
    half = length / 2 + BEYOND
    looks = {"near": [0.4, 0.45, 0.5, 1.0], "far": [0.5, 0.5, 0.35, 1.0]}
    for name, side in (("near", -1), ("far", 1)):
        # Mocap bodies do not move in the physics; data has their places.
        platform = spec.worldbody.add_body(name=name, mocap=True)
        platform.pos = [length / 2 + side * half, 0.0, -HALF_DEPTH]
        platform.add_geom(
            name=name,
            type=mujoco.mjtGeom.mjGEOM_BOX,
            size=[half, width / 2, HALF_DEPTH],
            friction=[FLOOR_FRICTION, 0.005, 0.0001],
            rgba=looks[name],
        )
    thickness, top = WALL_HALF_THICKNESS, WALL_HEIGHT / 2
    beside = (length / 2, width / 2 + thickness, top - HALF_DEPTH)
    along = (half, thickness, top + HALF_DEPTH)
    add_wall(spec, "wall_north", beside, along)
    add_wall(spec, "wall_south", (beside[0], -beside[1], beside[2]), along)
    add_wall(spec, "wall_west", (-thickness, 0.0, top), (thickness, width / 2, top))
    height = 0.6 * length / 4 / 0.176  # tan(10 degrees), and a little more
    spec.worldbody.add_camera(name="overhead", pos=[length / 2, 0.0, height], fovy=20.0)
    spec.worldbody.add_light(pos=[length / 2, 0.0, length], dir=[0.0, 0.0, -1.0], castshadow=False)
    return spec


class Gap:
    """The gap of a compiled `gap_corridor` of ``length`` metres, open between two edges."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, length: float) -> None:
        self._middle = length / 2
        self._half = length / 2 + BEYOND
        self._near = data.mocap_pos[model.body("near").mocapid[0]]
        self._far = data.mocap_pos[model.body("far").mocapid[0]]
        self.near = self.far = self._middle
        """x of the edges, metres."""

    @property
    def length(self) -> float:
        """Metres from edge to edge."""
        return self.far - self.near

    def open(self, length: float) -> None:
        """Move the platforms apart; call after the simulation's reset."""
        self.near, self.far = self._middle - length / 2, self._middle + length / 2
        self._near[0] = self.near - self._half
        self._far[0] = self.far + self._half
