"""The ant: four legs of two joints, eight actuators (appendix E.2.2).

Actions, for the legs front left, back left, back right and front right in turn: hip about the
vertical (+ turns the leg to the left), knee (+ lowers the foot).
"""

from __future__ import annotations

from skill_train.tasks.arena.bodies.legged import LEGS, Hinge, Legged

HIP = Hinge("hip", (0.0, 0.0, 1.0), (-0.524, 0.524))  # rad, the authors' released tasks


class Ant(Legged):
    """A sphere that walks on four legs of two joints."""

    name = "ant"
    hips = (HIP,)
    colour = (0.8, 0.6, 0.4, 1.0)
    action_size = 2 * len(LEGS)
    proprioception_size = 10 + 2 * action_size + len(LEGS)
