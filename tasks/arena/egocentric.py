"""Places as a body sees them: ahead (+) and to the left (+) of it, in the plane of the floor.

The frame has the body's place and heading but never its tilt, so that it means the same for every
body: a policy that sees only such coordinates can be transferred from one body to another.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

Pose = tuple[float, float, float]
"""x, y (metres) and yaw (radians) in the world."""

Place = tuple[float, float]
"""x, y (metres) in the world."""


def seen_from(pose: Pose, places: Iterable[Place]) -> list[float]:
    """Ahead and left of each place in turn, metres."""
    x, y, yaw = pose
    cos, sin = math.cos(yaw), math.sin(yaw)
    seen: list[float] = []
    for place_x, place_y in places:
        dx, dy = place_x - x, place_y - y
        seen.append(cos * dx + sin * dy)
        seen.append(cos * dy - sin * dx)
    return seen


def points_seen_from(pose: Pose, points: np.ndarray) -> np.ndarray:
    """Ahead, left and height above the floor of ``points`` ``[N, 3]``, metres."""
    x, y, yaw = pose
    cos, sin = math.cos(yaw), math.sin(yaw)
    turn = np.array(((cos, -sin, 0.0), (sin, cos, 0.0), (0.0, 0.0, 1.0)))
    return (points - (x, y, 0.0)) @ turn
