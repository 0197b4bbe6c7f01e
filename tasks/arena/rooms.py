"""The walled square room as `mujoco.MjSpec`, which bodies and objects are put into."""

from __future__ import annotations

import mujoco

WALL_HEIGHT = 2.0  # metres, as in the authors' released tasks
WALL_HALF_THICKNESS = 0.1  # metres
FLOOR_FRICTION = 1.0
PHYSICS_STEP = 0.005  # seconds, as in the authors' released tasks


def square_room(size: float, physics_step: float = PHYSICS_STEP) -> mujoco.MjSpec:
    """A room whose floor is ``size`` x ``size`` metres, centred on the origin, with four walls.

    Walls are frictionless, so that a body slides along them instead of climbing them. A camera
    named ``overhead`` sees the whole floor. Raises ValueError if ``size`` is not positive.
    """
    if not size > 0:
        raise ValueError(f"an arena's size must be positive metres, not {size}")
    spec = empty_arena(physics_step)
    _add_floor(spec, size)
    _add_walls(spec, size)
    # A vertical camera of 45 degrees has to stand this high to see the floor and the walls' feet.
    spec.worldbody.add_camera(name="overhead", pos=[0.0, 0.0, 1.3 * size + WALL_HEIGHT], fovy=45.0)
    spec.worldbody.add_light(pos=[0.0, 0.0, size], dir=[0.0, 0.0, -1.0], castshadow=False)
    return spec


def empty_arena(physics_step: float = PHYSICS_STEP) -> mujoco.MjSpec:
    """An empty scene with the physics and the light that all arenas share."""
    spec = mujoco.MjSpec()
    spec.option.timestep = physics_step
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 1024, 1024
    spec.visual.headlight.ambient = [0.3, 0.3, 0.3]
    return spec


def add_wall(
    spec: mujoco.MjSpec,
    name: str,
    place: tuple[float, float, float],
    half_sizes: tuple[float, float, float],
) -> None:
    """Add a frictionless wall, an upright box centred on ``place``."""
    spec.worldbody.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=place,
        size=half_sizes,
        rgba=[0.6, 0.55, 0.5, 1.0],
        # With the highest priority, a wall's own (missing) friction counts, whatever touches it.
        priority=2,
        condim=1,
    )


def _add_floor(spec: mujoco.MjSpec, size: float) -> None:
    texture = spec.add_texture(
        name="floor",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=[0.35, 0.4, 0.45],
        rgb2=[0.45, 0.5, 0.55],
        width=128,
        height=128,
    )
    material = spec.add_material(name="floor", texrepeat=[0.5, 0.5], texuniform=True)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = texture.name
    spec.worldbody.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[size / 2, size / 2, 0.1],
        friction=[FLOOR_FRICTION, 0.005, 0.0001],
        material="floor",
    )


def _add_walls(spec: mujoco.MjSpec, size: float) -> None:
    offset = size / 2 + WALL_HALF_THICKNESS
    long_side = size / 2 + 2 * WALL_HALF_THICKNESS
    for name, x, y in (("east", 1, 0), ("north", 0, 1), ("west", -1, 0), ("south", 0, -1)):
        half_x = WALL_HALF_THICKNESS if x else long_side
        half_y = WALL_HALF_THICKNESS if y else long_side
        place = (x * offset, y * offset, WALL_HEIGHT / 2)
        add_wall(spec, f"wall_{name}", place, (half_x, half_y, WALL_HEIGHT / 2))
