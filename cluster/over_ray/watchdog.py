"""The watchdog of a run that stands still, and its sentence about the cause."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from skill_train.replay.backend import TableInfo
from skill_train.replay.reader import items_ahead
from skill_train.replay.schema import Schema


class Watchdog:
    """Time since a run took its last environment step or update. ``clock`` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counters = (-1, -1)
        self._since = clock()

    def standing(self, env_steps: int, learner_steps: int) -> float:
        """Seconds for which neither counter has changed."""
        if (env_steps, learner_steps) != self._counters:
            self._counters, self._since = (env_steps, learner_steps), self._clock()
        return self._clock() - self._since


def stall_in_words(
    seconds: float, schema: Schema, tables: Mapping[str, TableInfo], blocked: Iterable[str]
) -> str:
    """One sentence on a stall: its length, the state of every table, and the blocked actors.

    ``blocked`` has the names of actors whose rows are not taken.
    """
    limited = schema.limited(items_ahead)
    states = []
    for name, info in tables.items():
        _, limiter = limited[name]
        counts = (info.size, info.inserted, info.sampled)
        takes, gives = limiter.may_insert(*counts), limiter.may_sample(*counts)
        states.append(
            f"table {name} holds {info.size} of {info.max_items} items, takes {_number(takes)} "
            f"and gives {_number(gives)}"
        )
    waiting = ", ".join(blocked) or "none"
    return (
        f"no environment step and no update for {seconds / 60:.0f} minutes; "
        f"{'; '.join(states) or 'replay says nothing of its tables'}; blocked actors: {waiting}"
    )


def _number(items: int) -> str:
    return "any number" if items > 1 << 60 else str(items)
