"""Bodies that can be placed in any arena, by name."""

from tasks.bodies.ball import Ball
from tasks.bodies.body import Body, BoundBody

BODIES: dict[str, type[Body]] = {Ball.name: Ball}


def make_body(name: str) -> Body:
    """The body called ``name``. Raises ValueError if there is none."""
    if name not in BODIES:
        raise ValueError(f"there is no body {name!r}; bodies are {sorted(BODIES)}")
    return BODIES[name]()


__all__ = ["BODIES", "Body", "BoundBody", "make_body"]
