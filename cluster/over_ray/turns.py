"""The actors' turns in the rounds of an on-policy agent: at most one batch ahead of the learner.

One round ahead: while the learner learns from batch k, actors fill batch k+1 with the weights that
batch k-1 gave, and then they wait. None ahead: they wait for the weights that batch k gives. So the
weights that acted are never older than one batch, or are the newest, however many actors there are
and however fast or slow each process is.
"""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

log = logging.getLogger(__name__)

HUNGRY_SECONDS = 30.0
"""Seconds without a batch, with all actors done, after which the learner will not get one."""


class Turn(NamedTuple):
    """An actor's share of a round, and the weights to act with."""

    weights: Any
    """A reference to the weights, the same for every actor of a round."""
    version: int
    number: int
    """The round's number."""


class Turns:
    """The rounds dealt to actors, as the supervisor reports weights, finished shares and losses."""

    def __init__(self, actors: int, ahead: int) -> None:
        """``ahead``: rounds that may begin before the learner has learned from the last: 0 or 1."""
        self._actors, self._ahead = actors, ahead
        self._newest: tuple[Any, int] | None = None
        self._turn: Turn | None = None
        self._acting: set[int] = set()
        """Actors that have not done their share of the round under way."""
        self._asked: dict[int, int] = {}
        """The round that each actor was given last."""
        self._hungry_seconds = 0.0
        self._begun = 0
        """Rounds since the last `restart`."""
        self._drawn = self._drawn_before = 0
        """Batches that the learner has drawn, now and at the last `restart`."""

    def published(self, weights: Any, version: int, drawn: int, seconds: float = 0.0) -> None:
        """Note the learner's newest weights and how many batches it has drawn since its start.

        ``seconds``: how long the learner worked for them. Where all actors are done and it gets no
        batch all the same, rows were lost, and the actors begin again.
        """
        hungry = self._newest is not None and not self._acting and drawn == self._drawn
        self._hungry_seconds = self._hungry_seconds + seconds if hungry else 0.0
        if self._hungry_seconds >= HUNGRY_SECONDS:
            log.warning("rows of a round were lost; the actors act for it again")
            self.restart()
        if self._newest is None:
            self._drawn_before = drawn
        self._newest, self._drawn = (weights, version), drawn

    def next(self, actor: int) -> Turn | None:
        """The turn that ``actor`` takes now; None while it has to wait."""
        waiting = self._begun - (self._drawn - self._drawn_before)
        if not self._acting and self._newest is not None and waiting <= self._ahead:
            number = 0 if self._turn is None else self._turn.number + 1
            self._turn = Turn(*self._newest, number)
            self._acting = set(range(self._actors))
            self._begun += 1
        if self._turn is None or actor not in self._acting:
            return None
        self._asked[actor] = self._turn.number
        return self._turn

    def done(self, actor: int) -> None:
        """Note that replay has ``actor``'s whole share of the round that it was given last."""
        if self._turn is not None and self._asked.get(actor) == self._turn.number:
            self._acting.discard(actor)

    def restart(self) -> None:
        """Begin again with the next weights that are published, as rows or weights were lost."""
        self._newest = None
        self._acting.clear()
        self._begun = 0
        self._hungry_seconds = 0.0
