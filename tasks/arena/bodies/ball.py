"""The ball: a driven sphere under a head that steers, two actuators.

The head slides freely over the floor without tilting and turns about the vertical axis; the
sphere hangs below it on an axle and rolls by friction with the floor. Action 0 rolls forward (+)
or backward (-), action 1 turns left (+) or right (-). The paper's body of this name (appendix
E.2.2) is given there by its two actuators alone; sizes are ours.
"""

from __future__ import annotations

import math

import mujoco
import numpy as np
from typing_extensions import override

from skill_train.tasks.arena.bodies.body import Body, BoundBody

RADIUS = 0.2  # metres
BALL_MASS = 3.0  # kg
HEAD_MASS = 2.0  # kg; with the ball heavy enough to push a 1.5 kg box without slipping
TOP_SPEED = 2.0  # m/s at full roll: 8 m in about 90 control steps of 0.05 s
ROLL_TORQUE = 5.0  # N m, 25 N at the floor
TOP_TURN_RATE = 3.0  # rad/s at full steer: half a turn in about 25 control steps
TURN_TORQUE = 0.75  # N m
HEAD_INERTIA = 0.03  # kg m^2 about every axis
FLOOR_FRICTION = 1.0


class Ball(Body):
    """Rolling ball with a steering head; drives like a unicycle."""

    name = "ball"
    action_size = 2
    proprioception_size = 5
    radius = RADIUS

    def build(self, spec: mujoco.MjSpec) -> None:
        """Add the ball to ``spec``: qpos is (x, y, z, yaw, roll) with z from the rest height."""
        joint, geom = mujoco.mjtJoint, mujoco.mjtGeom
        head = spec.worldbody.add_body(name="ball_head", pos=[0.0, 0.0, RADIUS])
        head.mass, head.inertia, head.explicitinertial = HEAD_MASS, [HEAD_INERTIA] * 3, True
        for name, axis in (("x", [1, 0, 0]), ("y", [0, 1, 0]), ("z", [0, 0, 1])):
            head.add_joint(name=f"ball_{name}", type=joint.mjJNT_SLIDE, axis=axis)
        head.add_joint(
            name="ball_steer",
            type=joint.mjJNT_HINGE,
            axis=[0, 0, 1],
            damping=TURN_TORQUE / TOP_TURN_RATE,
        )
        looks = {"contype": 0, "conaffinity": 0, "mass": 0.0}
        head.add_geom(
            type=geom.mjGEOM_CYLINDER,
            size=[0.1, 0.05, 0.0],
            pos=[0.0, 0.0, 0.26],
            rgba=[0.75, 0.75, 0.75, 1.0],
            **looks,
        )
        head.add_geom(
            type=geom.mjGEOM_SPHERE,
            size=[0.05, 0.0, 0.0],
            pos=[0.1, 0.0, 0.28],
            rgba=[0.1, 0.8, 0.5, 1.0],
            **looks,
        )
        head.add_camera(
            name="egocentric",
            pos=[0.15, 0.0, 0.3],
            xyaxes=[0.0, -1.0, 0.0, 0.2, 0.0, 0.98],
            fovy=80.0,
        )
        wheel = head.add_body(name="ball_wheel")
        wheel.add_joint(
            name="ball_roll",
            type=joint.mjJNT_HINGE,
            axis=[0, 1, 0],
            damping=ROLL_TORQUE / (TOP_SPEED / RADIUS),
        )
        wheel.add_geom(
            name="ball",
            type=geom.mjGEOM_SPHERE,
            size=[RADIUS, 0.0, 0.0],
            mass=BALL_MASS,
            condim=3,
            friction=[FLOOR_FRICTION, 0.005, 0.0001],
            rgba=[0.9, 0.5, 0.1, 1.0],
        )
        for target, torque in (("ball_roll", ROLL_TORQUE), ("ball_steer", TURN_TORQUE)):
            spec.add_actuator(
                name=target,
                target=target,
                trntype=mujoco.mjtTrn.mjTRN_JOINT,
                gear=[torque, 0, 0, 0, 0, 0],
                ctrlrange=[-1.0, 1.0],
                ctrllimited=True,
            )

    @override
    def bind(self, model: mujoco.MjModel, data: mujoco.MjData) -> BoundBody:
        first = model.joint("ball_x")
        return _BoundBall(data, first.qposadr[0], first.dofadr[0])


class _BoundBall(BoundBody):
    def __init__(self, data: mujoco.MjData, qpos_start: int, dof_start: int) -> None:
        self._qpos = data.qpos[qpos_start : qpos_start + 5]
        self._qvel = data.qvel[dof_start : dof_start + 5]

    def place(self, x: float, y: float, yaw: float) -> None:
        self._qpos[:] = x, y, 0.0, yaw, 0.0
        self._qvel[:] = 0.0

    def pose(self) -> tuple[float, float, float]:
        x, y, _, yaw, _ = self._qpos.tolist()
        return x, y, yaw

    def height(self) -> float:
        return RADIUS + self._qpos.item(2)

    def proprioception(self) -> np.ndarray:
        """Speed ahead, to the left and up (m/s), turn rate (rad/s), speed of the rim (m/s)."""
        yaw = self._qpos.item(3)
        vx, vy, vz, turn, roll = self._qvel.tolist()
        cos, sin = math.cos(yaw), math.sin(yaw)
        return np.array(
            (cos * vx + sin * vy, cos * vy - sin * vx, vz, turn, RADIUS * roll), np.float32
        )
