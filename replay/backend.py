"""The interfaces of every replay back end, in one process or behind a Reverb server.

An actor holds a `Writer`, a learner a `Reader`, and the run's driver the `Replay` itself.
`replay.in_memory` and `replay.server` implement all three; one contract test covers both.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from skill_train.replay.step import Step


class TableInfo(NamedTuple):
    """One table's state, counted in items."""

    size: int
    max_items: int
    inserted: int
    sampled: int


class Writer(Protocol):
    """The side of replay that cuts B parallel streams of rows into items of the tables."""

    def append(self, rows: Step) -> None:
        """Add one row to each of the B streams: arrays ``[B, ...]``. Never blocks."""

    @property
    def bootstrap_due(self) -> bool:
        """Whether the next row completes windows of a use-once table."""

    def bootstrap(self, rows: Step, at_most: int) -> int:
        """Complete the use-once windows that only lack their last row; returns how many.

        Puts ``at_most`` of them into the table. Of a window's last row only the observation and
        ``is_first`` count; the next `append` takes the place of ``rows``. So an actor finishes a
        window before it acts with newer weights.
        """

    def drop(self, stream: int) -> None:
        """Forget the unfinished windows of one stream (its environment failed)."""

    def flush(self, timeout_s: float) -> bool:
        """Wait until the tables have taken all finished items.

        Returns False when they have not within ``timeout_s`` (the learner is behind, or the server
        is down); nothing is lost and the caller may try again, but should not step on.
        """

    def close(self) -> None:
        """Close the connection and drop unfinished windows."""


class Reader(Protocol):
    """The side of replay that draws batches."""

    def next(self, draw: str, timeout_s: float) -> Step | None:
        """The next batch of the named draw, or None when too few items came within ``timeout_s``.

        Arrays are ``[T+1, B, ...]``, or ``[T+1, N, B, ...]`` from a per-task table; they belong to
        the caller. Items drawn before a time-out are kept for the next call.
        """

    def acted_by(self, newest: int) -> None:
        """Refuse use-once items that were acted with weights above policy version ``newest``.

        A learner that fell back to a checkpoint has lost the weights of such items.
        """

    def close(self) -> None:
        """Stop drawing."""


class Replay(Protocol):
    """The tables of a run."""

    def info(self) -> Mapping[str, TableInfo]:
        """State of every concrete table by name."""

    def save(self, folder: Path) -> None:
        """Write all tables below ``folder`` (new, empty). Readers and writers go on meanwhile."""

    def close(self) -> None:
        """Close the tables. Their items are lost unless saved."""
