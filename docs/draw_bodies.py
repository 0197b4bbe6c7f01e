"""Draw docs/bodies.png: ball, ant and quadruped, each after a second of standing in a room.

The quadruped's thighs slope down, by the joints that the ant lacks.

python -m docs.draw_bodies
"""

from __future__ import annotations

from pathlib import Path

import imageio.v3 as imageio
import numpy as np

from skill_train.tasks.arena.bodies import BODIES, make_body
from skill_train.tasks.arena.rooms import square_room
from skill_train.tasks.simulation import Simulation

SIZE = 240  # pixels a side, each


def draw(name: str) -> np.ndarray:
    """One body from behind its left shoulder, uint8 ``[SIZE, SIZE, 3]``."""
    spec = square_room(6.0)
    described = make_body(name)
    described.build(spec)
    near = 0.5 if name == "ball" else 1.0
    spec.worldbody.add_camera(
        name="portrait",
        pos=[1.9 * near, 1.3 * near, 1.5 * near],
        xyaxes=[-0.56, 0.83, 0.0, -0.42, -0.29, 0.86],
        fovy=50.0,
    )
    simulation = Simulation(spec, control_step=1.0)
    body = described.bind(simulation.model, simulation.data)
    body.place(0.0, 0.0, 0.3)
    action = np.zeros(described.action_size)
    if name == "quadruped":
        action[1::3] = 0.6
    simulation.step(action)
    picture = simulation.render("portrait", SIZE, SIZE)
    simulation.close()
    return picture


if __name__ == "__main__":
    imageio.imwrite(Path(__file__).with_name("bodies.png"), np.hstack([draw(n) for n in BODIES]))
