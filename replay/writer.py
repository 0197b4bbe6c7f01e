"""Write streams of rows to a Reverb server: one packed item, one chunk, one message.

Two traps of Reverb shape this file. Its `Append` never blocks and never refuses, so items held up
by a limiter or a dead server would pile up unseen: at most `_IN_FLIGHT` items are handed to it,
the others wait here. And its streams are served in order, so a table that takes nothing would stop
its neighbours: each table of the schema has its own stream.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import numpy as np

from skill_train.replay.cutting import Cutter, Items
from skill_train.replay.reverb_native import native, timed_out
from skill_train.replay.schema import Schema
from skill_train.replay.step import Step

_IN_FLIGHT = 48
"""Items of one stream that Reverb may hold unconfirmed; from 50 on it complains on stderr."""
MOST_AHEAD = _IN_FLIGHT - 1
"""The most items of a stream that `flush` leaves unconfirmed: an upper bound of ``run_ahead``."""


class ReverbWriter:
    """A writer of ``num_streams`` streams for the server at ``address`` ("host:port").

    ``run_ahead`` is the number of items of each table that `flush` may leave unconfirmed,
    `MOST_AHEAD` at most: 0 waits for all of them, one for each stream hides the server's answer
    time behind the next environment step.

    Making a writer does not need the server, which may start later and restart at the same address.
    Items that a server has confirmed but not saved are lost with it, all others are sent again.
    """

    def __init__(
        self,
        schema: Schema,
        address: str,
        num_streams: int,
        *,
        run_ahead: int = 0,
    ) -> None:
        if run_ahead < 0:
            raise ValueError(f"run_ahead must be 0 or more items, got {run_ahead}")
        self._address = address
        self._run_ahead = min(run_ahead, MOST_AHEAD)
        self._cutter = Cutter(schema, num_streams)
        client = native().Client(address)
        self._streams = {spec.name: _Stream(client) for spec in schema.tables}
        self._items_written = 0
        self._seconds_blocked = 0.0

    @property
    def items_written(self) -> int:
        """Items cut from the streams so far, all tables together."""
        return self._items_written

    @property
    def seconds_blocked(self) -> float:
        """Time spent in `flush` since the start."""
        return self._seconds_blocked

    def append(self, rows: Step) -> None:
        """Add one row to each stream, arrays ``[B, ...]``. Never blocks.

        Raises ValueError for rows that do not fit the layout or the tables.
        """
        self._put(self._cutter.append(rows))

    @property
    def bootstrap_due(self) -> bool:
        """Whether the next row completes windows of a use-once table."""
        return self._cutter.bootstrap_due

    def bootstrap(self, rows: Step, at_most: int) -> int:
        """Complete the use-once windows that only lack their last row (`Cutter.bootstrap`)."""
        return self._put(self._cutter.bootstrap(rows, at_most))

    def drop(self, stream: int) -> None:
        """Forget the unfinished windows of one stream."""
        self._cutter.drop(stream)

    def flush(self, timeout_s: float) -> bool:
        """Wait until all but ``run_ahead`` items of each table are in the tables.

        Returns False after ``timeout_s``: a limiter, a full queue or a dead server holds items up.
        These are kept and sent as soon as they can be. Raises ValueError if the server has no such
        table.
        """
        started = time.monotonic()
        deadline = started + timeout_s
        try:
            # All streams are tried, so that one blocked table does not keep the others waiting.
            flushed = [s.flush(self._run_ahead, deadline) for s in self._streams.values()]
            return all(flushed)
        except RuntimeError as error:
            raise ValueError(
                f"the replay server at {self._address} refused an item: {error}"
            ) from error
        finally:
            self._seconds_blocked += time.monotonic() - started

    def close(self) -> None:
        """Close the connection. Unfinished and unconfirmed items are dropped, so flush first."""
        for stream in self._streams.values():
            stream.close()

    def _put(self, finished: list[Items]) -> int:
        written = self._items_written
        for items in finished:
            stream = self._streams[items.spec.name]
            for table, packed in items.by_table():
                stream.put(table, packed)
                self._items_written += len(packed)
        return self._items_written - written


class _Stream:
    """The items of one table spec on their way: those waiting here, then those with Reverb."""

    def __init__(self, client: Any) -> None:
        options = native().ConstantChunkerOptions(1, 1)
        self._writer = client.NewTrajectoryWriter(options, False)
        self._waiting: deque[tuple[str, np.ndarray]] = deque()
        self._in_flight = 0
        """An upper bound of the unconfirmed items."""

    def put(self, table: str, items: np.ndarray) -> None:
        """Queue items ``uint8 [n, T+1, row_bytes]``."""
        self._waiting.extend((table, item) for item in items)
        self._hand_over()

    def flush(self, run_ahead: int, deadline: float) -> bool:
        while self._waiting or self._in_flight > run_ahead:
            left = min(run_ahead, _IN_FLIGHT // 2)
            if self._waiting:
                left = _IN_FLIGHT // 2
            if self._in_flight > left and not self._confirm(left, deadline):
                return False
            self._hand_over()
        return True

    def close(self) -> None:
        self._waiting.clear()
        self._writer.Close()

    def _confirm(self, left: int, deadline: float) -> bool:
        # A time-out of 0 would wait for ever.
        timeout_ms = max(1, int((deadline - time.monotonic()) * 1000))
        try:
            self._writer.Flush(left, timeout_ms)
        except RuntimeError as error:
            if timed_out(error):
                return False
            raise
        self._in_flight = left
        return True

    def _hand_over(self) -> None:
        while self._waiting and self._in_flight < _IN_FLIGHT:
            table, item = self._waiting.popleft()
            cell = self._writer.Append([item])[0]
            self._writer.CreateItem(table, 1.0, [[cell]], [True])
            self._in_flight += 1
