"""The simple humanoid of appendix A: 28 coordinates, 21 actuators.

The model is dm_control's, read from that package's file. Actions, in its order: the abdomen's y, z
and x axes; right and left leg (hip x, z, y, knee, ankle x, y); right and left arm (two shoulder
axes, elbow).
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import mujoco
from typing_extensions import override

from skill_train.tasks.arena.bodies.body import Body, BoundBody
from skill_train.tasks.arena.bodies.legged import BoundLegged

PREFIX = "humanoid_"
JOINTS = 21
# Sites under the soles, one along each side of each foot.
SOLES = ("right_right_foot", "left_right_foot", "left_left_foot", "right_left_foot")
START_HEIGHT = 1.286  # metres of the torso with straight legs on the floor
FALLEN_HEIGHT = 0.7  # metres of the torso; it sits or kneels below that


class Humanoid(Body):
    """A person of 1.5 m and 41 kg.

    Proprioception (float32): height of the torso (m); the world's up axis in the torso's frame
    (3); velocity (3, m/s) and angular velocity (3, rad/s) in that frame; angles (rad) and speeds
    (rad/s) of the joints, in the order of the model's file; 1.0 for each side of each foot that
    touches something (4).
    """

    name = "humanoid"
    action_size = JOINTS
    proprioception_size = 10 + 2 * JOINTS + len(SOLES)
    radius = 0.45  # the elbows reach this far

    def build(self, spec: mujoco.MjSpec) -> None:
        """Attach dm_control's humanoid, without its floor and its sensors, to ``spec``."""
        described = mujoco.MjSpec.from_file(str(_file()))
        for sensor in list(described.sensors):
            described.delete(sensor)
        spec.worldbody.add_frame().attach_body(described.body("torso"), PREFIX, "")
        spec.camera(f"{PREFIX}egocentric").name = "egocentric"
        for sole in SOLES:
            spec.add_sensor(
                name=f"{PREFIX}{sole}",
                type=mujoco.mjtSensor.mjSENS_TOUCH,
                objtype=mujoco.mjtObj.mjOBJ_SITE,
                objname=f"{PREFIX}{sole}",
            )

    @override
    def bind(self, model: mujoco.MjModel, data: mujoco.MjData) -> BoundBody:
        root = model.joint(f"{PREFIX}root")
        touch = model.sensor(f"{PREFIX}{SOLES[0]}").adr[0]
        return _BoundHumanoid(
            data, root.qposadr[0], root.dofadr[0], touch, [0.0] * JOINTS, START_HEIGHT, len(SOLES)
        )


class _BoundHumanoid(BoundLegged):
    def fallen(self) -> bool:
        """Whether the torso is lower than ``FALLEN_HEIGHT``."""
        return self.height() < FALLEN_HEIGHT


def _file() -> Path:
    """The path of dm_control's model, found without importing dm_control, which takes a second."""
    found = importlib.util.find_spec("dm_control")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("the humanoid is dm_control's; install the package dm-control")
    return Path(found.submodule_search_locations[0]) / "suite" / "humanoid.xml"
