"""Who may act when in the rounds of an on-policy agent: at most one batch ahead of the learner.

One round ahead: while the learner learns from batch k, actors fill batch k+1 with the weights that
batch k-1 gave, and then they wait. None ahead: they wait for the weights that batch k gives. So the
weights that acted are never older than one batch, or are the newest, however many actors there are
and however fast or slow each process is.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Turn(NamedTuple):
    """What an actor is asked to do."""

    weights: Any
    """A reference to them; the same for every actor of a round."""
    version: int
    number: int
    """Of the round."""


class Turns:
    """Deals rounds to actors; the supervisor says what is published, done and broken."""

    def __init__(self, actors: int, ahead: int) -> None:
        """``ahead``: rounds that may begin before the learner has learned from the last, 0 or 1."""
        self._actors, self._ahead = actors, ahead
        self._newest: tuple[Any, int] | None = None
        self._turn: Turn | None = None
        self._acting: set[int] = set()
        """Actors that have not done their share of the round under way."""
        self._begun = 0
        """Rounds since the last `restart`."""
        self.drawn = self._drawn_before = 0
        """Batches that the learner has drawn, now and at the last `restart`."""

    def published(self, weights: Any, version: int, drawn: int) -> None:
        """Note the learner's newest weights and how many batches it has drawn since its start."""
        if self._newest is None:
            self._drawn_before = drawn
        self._newest, self.drawn = (weights, version), drawn

    @property
    def all_done(self) -> bool:
        """Whether the actors wait for the learner."""
        return not self._acting

    def next(self, actor: int) -> Turn | None:
        """What ``actor`` does now; None while it has to wait."""
        waiting = self._begun - (self.drawn - self._drawn_before)
        if not self._acting and self._newest is not None and waiting <= self._ahead:
            number = 0 if self._turn is None else self._turn.number + 1
            self._turn = Turn(*self._newest, number)
            self._acting = set(range(self._actors))
            self._begun += 1
        return self._turn if actor in self._acting else None

    def done(self, actor: int, number: int) -> None:
        """Note that replay has the whole share of ``actor`` in round ``number``."""
        if self._turn is not None and number == self._turn.number:
            self._acting.discard(actor)

    def restart(self) -> None:
        """Begin again with the next weights that are published: rows or weights were lost."""
        self._newest = None
        self._acting.clear()
        self._begun = 0
