"""Four-legged bodies: a sphere with a leg at each diagonal, whatever joints a leg has.

A leg is three capsules in a row: a fixed one inside the torso's outline, a thigh and a shin. The
shin turns at the knee, the thigh at the hip, by the joints of `Ant` and `Quadruped`. Legs do not
collide with each other or with the torso, as in Gymnasium's Ant.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import mujoco
import numpy as np
from typing_extensions import override

from skill_train.tasks.arena.bodies.body import Body, BoundBody

# Lengths in metres and densities in kg / m^3 of the Ant of the authors' released tasks.
TORSO_RADIUS = 0.25
SEGMENT = 0.2 * math.sqrt(2.0)  # the fixed part and the thigh
SHIN = 0.4 * math.sqrt(2.0)
LEG_RADIUS = 0.08
TORSO_DENSITY = 100.0
LEG_DENSITY = 50.0
# The joints of the same Ant: N m at full control, kg m^2, N m s / rad, N m / rad.
GEAR = 75.0
ARMATURE = 1.0
DAMPING = 1.0
STIFFNESS = 1.0
# The knee is Gymnasium's Ant's, 30 to 70 degrees below the thigh's line, starting at 1 rad. (That
# of the authors' Ant, 0 to 40 degrees, lets it lie on its belly unless the motors hold it.)
KNEE_RANGE = (math.radians(30.0), math.radians(70.0))
START_KNEE = 1.0
FLOOR_FRICTION = 1.0

LEGS = (("front_left", 45.0), ("back_left", 135.0), ("back_right", -135.0), ("front_right", -45.0))
START_HEIGHT = SHIN * math.sin(START_KNEE) + LEG_RADIUS
UPSIDE_DOWN = 0.0  # aliveness (zz - 1) / 2 < -0.5 in the authors' tasks, zz the up axis' height


@dataclass(frozen=True)
class Hinge:
    """One joint of every leg: its axis in the leg's frame (x outwards, z up), limits in radians."""

    name: str
    axis: tuple[float, float, float]
    range: tuple[float, float]
    start: float = 0.0


# About the leg's y axis, positive angles lower its tip.
KNEE = Hinge("knee", (0.0, 1.0, 0.0), KNEE_RANGE, START_KNEE)


class Legged(Body):
    """A torso on four legs. Subclasses give ``name``, ``hips`` and ``colour``.

    Proprioception (float32): height of the torso (m); the world's up axis in the body's frame
    (3); velocity (3, m/s) and angular velocity (3, rad/s) in the body's frame; angles (rad) and
    speeds (rad/s) of the joints, leg by leg in the order of the actions; 1.0 for each foot that
    touches something (4).
    """

    hips: tuple[Hinge, ...]
    colour: tuple[float, float, float, float]
    radius = 2 * SEGMENT + SHIN * math.cos(START_KNEE) + LEG_RADIUS

    @property
    def joints(self) -> tuple[Hinge, ...]:
        """The joints of one leg, from the torso outwards."""
        return self.hips + (KNEE,)

    def build(self, spec: mujoco.MjSpec) -> None:
        """Add torso and legs to ``spec``; qpos is a free joint's 7, then the joints leg by leg."""
        spec.compiler.degree = False  # of the limits below
        torso = spec.worldbody.add_body(name=self.name, pos=[0.0, 0.0, START_HEIGHT])
        torso.add_freejoint(name=f"{self.name}_root")
        skin = self._skin(LEG_DENSITY)
        torso.add_geom(
            name=f"{self.name}_torso",
            type=mujoco.mjtGeom.mjGEOM_SPHERE,
            size=[TORSO_RADIUS, 0.0, 0.0],
            **self._skin(TORSO_DENSITY),
        )
        self._add_face(torso)
        for leg, degrees in LEGS:
            self._add_leg(spec, torso, f"{self.name}_{leg}", math.radians(degrees), skin)

    def _skin(self, density: float) -> dict:
        return {
            "density": density,
            "friction": [FLOOR_FRICTION, 0.005, 0.0001],
            "condim": 3,
            "conaffinity": 0,  # so meets things with one (floors, walls, boxes), not itself
            "rgba": self.colour,
        }

    def _add_face(self, torso: mujoco.MjsBody) -> None:
        for side in (0.1, -0.1):
            torso.add_geom(
                type=mujoco.mjtGeom.mjGEOM_SPHERE,
                size=[0.05, 0.0, 0.0],
                pos=[0.21, side, 0.1],
                rgba=[0.1, 0.8, 0.5, 1.0],
                contype=0,
                conaffinity=0,
                mass=0.0,
            )
        torso.add_camera(
            name="egocentric",
            pos=[0.25, 0.0, 0.11],  # the authors' Ant's, and as wide; tilted to see the floor
            xyaxes=[0.0, -1.0, 0.0, 0.2, 0.0, 0.98],
            fovy=90.0,
        )

    def _add_leg(
        self, spec: mujoco.MjSpec, torso: mujoco.MjsBody, name: str, yaw: float, skin: dict
    ) -> None:
        outwards = np.array([math.cos(yaw), math.sin(yaw), 0.0])
        _add_capsule(torso, f"{name}_hip", SEGMENT * outwards, skin)
        quat = [math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)]
        thigh = torso.add_body(name=f"{name}_thigh", pos=SEGMENT * outwards, quat=quat)
        _add_capsule(thigh, f"{name}_thigh", [SEGMENT, 0.0, 0.0], skin)
        shin = thigh.add_body(name=f"{name}_shin", pos=[SEGMENT, 0.0, 0.0])
        _add_capsule(shin, f"{name}_shin", [SHIN, 0.0, 0.0], skin)
        for hinge in self.joints:
            (shin if hinge is KNEE else thigh).add_joint(
                name=f"{name}_{hinge.name}",
                type=mujoco.mjtJoint.mjJNT_HINGE,
                axis=hinge.axis,
                range=hinge.range,
                limited=True,
                armature=ARMATURE,
                damping=[DAMPING, 0.0, 0.0],
                stiffness=[STIFFNESS, 0.0, 0.0],
                springref=hinge.start,
            )
            spec.add_actuator(
                name=f"{name}_{hinge.name}",
                target=f"{name}_{hinge.name}",
                trntype=mujoco.mjtTrn.mjTRN_JOINT,
                gear=[GEAR, 0, 0, 0, 0, 0],
                ctrlrange=[-1.0, 1.0],
                ctrllimited=True,
            )
        shin.add_site(name=f"{name}_foot", pos=[SHIN, 0.0, 0.0], size=[1.3 * LEG_RADIUS, 0, 0])
        spec.add_sensor(
            name=f"{name}_foot",
            type=mujoco.mjtSensor.mjSENS_TOUCH,
            objtype=mujoco.mjtObj.mjOBJ_SITE,
            objname=f"{name}_foot",
        )

    @override
    def bind(self, model: mujoco.MjModel, data: mujoco.MjData) -> BoundBody:
        root = model.joint(f"{self.name}_root")
        touch = model.sensor(f"{self.name}_{LEGS[0][0]}_foot").adr[0]
        start = [hinge.start for _ in LEGS for hinge in self.joints]
        return BoundLegged(
            data, root.qposadr[0], root.dofadr[0], touch, start, START_HEIGHT, len(LEGS)
        )


class BoundLegged(BoundBody):
    """A torso on a free joint, with hinges after it and touch sensors under its feet."""

    def __init__(
        self,
        data: mujoco.MjData,
        qpos_start: int,
        dof_start: int,
        touch_start: int,
        start: list[float],
        start_height: float,
        feet: int,
    ) -> None:
        joints = len(start)
        self._start = start
        self._start_height = start_height
        self._joints = joints
        self._qpos = data.qpos[qpos_start : qpos_start + 7 + joints]
        self._qvel = data.qvel[dof_start : dof_start + 6 + joints]
        self._root = self._qpos[:7]
        self._velocity = self._qvel[:6]
        self._touch = data.sensordata[touch_start : touch_start + feet]

    def place(self, x: float, y: float, yaw: float) -> None:
        """Stand at the start height with the joints' start angles; writes qpos and qvel."""
        half = yaw / 2
        self._root[:] = x, y, self._start_height, math.cos(half), 0.0, 0.0, math.sin(half)
        self._qpos[7:] = self._start
        self._qvel[:] = 0.0

    @override
    def pose(self) -> tuple[float, float, float]:
        x, y, _, a, b, c, d = self._root.tolist()
        return x, y, math.atan2(2 * (a * d + b * c), 1 - 2 * (c * c + d * d))

    @override
    def height(self) -> float:
        return self._root.item(2)

    @override
    def fallen(self) -> bool:
        b, c = self._root.item(4), self._root.item(5)
        return 1 - 2 * (b * b + c * c) < UPSIDE_DOWN

    @override
    def proprioception(self) -> np.ndarray:
        joints = self._joints
        felt = np.empty(10 + 2 * joints + len(self._touch), np.float32)
        felt[:7] = tuple(self._own_frame())
        felt[7:10] = self._velocity[3:]  # a free joint's angular velocity is the body's own
        felt[10 : 10 + joints] = self._qpos[7:]
        felt[10 + joints : 10 + 2 * joints] = self._qvel[6:]
        felt[10 + 2 * joints :] = self._touch > 0.0
        return felt

    def _own_frame(self) -> Iterator[float]:
        """Height, the world's up axis and the velocity, both seen from the body."""
        _, _, z, a, b, c, d = self._root.tolist()
        u, v, w = self._velocity[:3].tolist()
        yield z
        # Rows of the transposed rotation matrix; its last column is the world's up axis.
        up_x, up_y, up_z = 2 * (b * d - a * c), 2 * (c * d + a * b), 1 - 2 * (b * b + c * c)
        yield from (up_x, up_y, up_z)
        yield (1 - 2 * (c * c + d * d)) * u + 2 * (b * c + a * d) * v + up_x * w
        yield 2 * (b * c - a * d) * u + (1 - 2 * (b * b + d * d)) * v + up_y * w
        yield 2 * (b * d + a * c) * u + 2 * (c * d - a * b) * v + up_z * w


def _add_capsule(body: mujoco.MjsBody, name: str, tip: np.ndarray | list, skin: dict) -> None:
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_CAPSULE,
        fromto=[0.0, 0.0, 0.0, *tip],
        size=[LEG_RADIUS, 0.0, 0.0],
        **skin,
    )
