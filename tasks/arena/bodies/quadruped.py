"""The quadruped: the ant with a third joint in each leg, twelve actuators (appendix E.2.2).

Actions, for the legs front left, back left, back right and front right in turn: hip about the
vertical (+ turns the leg to the left), hip about the horizontal (+ lowers the leg), knee
(+ lowers the foot). The paper gives no more than the number of actuators; where the third joint
is, and its limits, are ours.
"""

from __future__ import annotations

import math

from skill_train.tasks.arena.bodies.ant import HIP
from skill_train.tasks.arena.bodies.legged import LEGS, Hinge, Legged

# Level legs are a limit, so that the body stands without its motors, as the ant does. So are 15
# degrees: from 20 on, a bent knee brings the foot in under the torso, and the body tips over.
# In 120 episodes of going to a target by random actions, each held for 5 steps, it falls 0 times,
# as the ant does; with a limit of 40 degrees 110 times.
LIFT = Hinge("lift", (0.0, 1.0, 0.0), (0.0, math.radians(15.0)))


class Quadruped(Legged):
    """A sphere that walks on four legs of three joints."""

    name = "quadruped"
    hips = (HIP, LIFT)
    colour = (0.45, 0.6, 0.75, 1.0)
    action_size = 3 * len(LEGS)
    proprioception_size = 10 + 2 * action_size + len(LEGS)
