"""Colours of targets: the named one is green in state tasks and black in vision tasks.

The paper's vision tasks have the correct target "always colored black" (appendix E.2.1), and the
other targets patterns of their own.
"""

from __future__ import annotations

from skill_train.tasks.arena.objects import Colour

PLAIN: Colour = (0.2, 0.4, 0.9, 0.5)
NAMED: Colour = (0.1, 0.9, 0.2, 0.8)
BLACK: Colour = (0.0, 0.0, 0.0, 1.0)
BRIGHT: tuple[Colour, ...] = ((0.9, 0.1, 0.1, 1.0), (0.1, 0.3, 0.9, 1.0), (0.9, 0.8, 0.1, 1.0))


def target_colours(count: int, named: int | None, vision: bool) -> list[Colour]:
    """One colour for each of ``count`` targets, of which ``named`` is the correct one."""
    others = [BRIGHT[i % len(BRIGHT)] if vision else PLAIN for i in range(count)]
    return [(BLACK if vision else NAMED) if i == named else c for i, c in enumerate(others)]
