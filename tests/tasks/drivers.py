"""Scripted drivers, one command for every body: how fast ahead, how much to the left."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from skill_train.tasks.arena.egocentric import Place, Pose

# Amplitudes, bias and period (control steps) of an open-loop trot, found by trying 150 at random.
HIP, KNEE, KNEE_BIAS, PERIOD = 0.55, 0.81, 0.11, 32


class Driver:
    """Turns (speed in [0, 1], turn in [-1, 1], left positive) into the actions of ``body``."""

    def __init__(self, body: str) -> None:
        self._joints = {"ball": 0, "ant": 2, "quadruped": 3}[body]
        self._steps = 0

    def drive(self, speed: float, turn: float) -> np.ndarray:
        """The next action."""
        if not self._joints:
            return np.array([speed, turn])
        action = np.zeros((4, self._joints))
        phase = 2 * math.pi * self._steps / PERIOD
        self._steps += 1
        for leg, (side, offset) in enumerate(((1, 0), (1, math.pi), (-1, 0), (-1, math.pi))):
            stride = np.clip(speed - side * turn, -1, 1)
            action[leg, 0] = side * HIP * stride * math.sin(phase + offset)
            action[leg, -1] = KNEE_BIAS + KNEE * math.sin(phase + offset)
        return action.ravel()

    def towards(self, pose: Pose, place: Sequence[float]) -> np.ndarray:
        """Turn to ``place``, and go when it is ahead."""
        bearing = math.atan2(place[1] - pose[1], place[0] - pose[0]) - pose[2]
        bearing = math.remainder(bearing, 2 * math.pi)
        return self.drive(max(0.0, math.cos(bearing)) ** 2, float(np.clip(2 * bearing, -1, 1)))

    def push(
        self, pose: Pose, box: Sequence[float], target: Place, wall: float, clearance: float
    ) -> np.ndarray:
        """Go round ``box``, then push it to ``target``; keep within ``wall`` metres of 0."""
        here, there = np.array(pose[:2]), np.array(box[:2])
        line = np.array(target) - there
        line /= np.hypot(*line)
        side = np.array([-line[1], line[0]])
        off = (here - there) @ side
        if (there - here) @ line > 0.4 and abs(off) < 0.25:
            return self.towards(pose, there + 1.5 * off * side)
        stage = np.clip(there - clearance * line, -wall, wall)
        if np.hypot(*(stage - here)) < 0.1:
            return self.towards(pose, there)
        now = math.atan2(*(here - there)[::-1])
        ahead = math.remainder(math.atan2(*(stage - there)[::-1]) - now, 2 * math.pi)
        if abs(ahead) < 0.6:
            return self.towards(pose, stage)
        ways = []
        for turn in (math.copysign(0.5, ahead), -math.copysign(0.5, ahead)):
            angle = now + turn
            ways.append(there + clearance * np.array([math.cos(angle), math.sin(angle)]))
        free = [way for way in ways if np.abs(way).max() <= wall] or ways
        return self.towards(pose, np.clip(free[0], -wall, wall))
