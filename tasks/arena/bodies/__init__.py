"""Bodies that can be placed in any arena, by name."""

from skill_train.tasks.arena.bodies.ant import Ant
from skill_train.tasks.arena.bodies.ball import Ball
from skill_train.tasks.arena.bodies.body import Body, BoundBody
from skill_train.tasks.arena.bodies.humanoid import Humanoid
from skill_train.tasks.arena.bodies.quadruped import Quadruped

BODIES: dict[str, type[Body]] = {body.name: body for body in (Ball, Ant, Quadruped)}
"""Bodies that every arena task is registered for."""
_ALL: dict[str, type[Body]] = {**BODIES, Humanoid.name: Humanoid}


def make_body(name: str) -> Body:
    """The body called ``name``. Raises ValueError if there is none."""
    if name not in _ALL:
        raise ValueError(f"there is no body {name!r}; bodies are {sorted(_ALL)}")
    return _ALL[name]()


__all__ = ["BODIES", "Body", "BoundBody", "make_body"]
