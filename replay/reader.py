"""Draw batches from a Reverb server, prefetched by threads (`replay.sampling`)."""

from __future__ import annotations

import numpy as np

from skill_train.replay.sampling import Sampling
from skill_train.replay.schema import Schema
from skill_train.replay.step import Step

_AHEAD = 2
"""Batches that a draw holds, the one being filled included."""


MAX_IN_FLIGHT = 64
"""The number of items that each sampler asks its table for ahead."""


def items_ahead(batch_size: int, max_in_flight: int = MAX_IN_FLIGHT) -> int:
    """The most items of a table that a draw may hold before the learner gets them."""
    return _AHEAD * batch_size + max_in_flight


class ReverbReader:
    """A reader of the server at ``address`` ("host:port"), which must be another process.

    ``max_in_flight`` is the number of items that each sampler asks for ahead. A use-once table is
    asked for one batch at most and no batch is filled beside a ready one, as items held here age
    and would be lost with the reader; all items of such a batch are of one policy version.

    Making a reader does not need the server.
    """

    def __init__(self, schema: Schema, address: str, max_in_flight: int = MAX_IN_FLIGHT) -> None:
        if max_in_flight < 1:
            raise ValueError(f"max_in_flight must be at least 1, got {max_in_flight}")
        self._draws: dict[str, _Prefetch | _Rounds] = {}
        for name in schema.draws:
            kind = _Rounds if schema.table_of(name).use_once else _Prefetch
            self._draws[name] = kind(schema, name, address, max_in_flight)

    def next(self, draw: str, timeout_s: float) -> Step | None:
        """The next batch, ``[T+1, B, ...]`` or ``[T+1, N, B, ...]``; None after ``timeout_s``.

        Items that came in time are kept for the next call. Raises ValueError if the server has no
        such table or holds rows of another layout.
        """
        if draw not in self._draws:
            raise ValueError(f"no draw is named {draw!r}; there are {sorted(self._draws)}")
        return self._draws[draw].next(timeout_s)

    def acted_by(self, newest: int) -> None:
        """Refuse use-once items that were acted with weights above policy version ``newest``."""
        for one in self._draws.values():
            if isinstance(one, _Rounds):
                one.acted_by(newest)

    def close(self) -> None:
        """Stop drawing. A thread that waits on an empty table stays until the process ends."""
        for one in self._draws.values():
            one.close()


class _Prefetch(Sampling):
    """Batches of one draw, each filled by one thread per concrete table."""

    def __init__(self, schema: Schema, draw: str, address: str, max_in_flight: int) -> None:
        spec, layout = schema.table_of(draw), schema.layout
        tables, batch_size = schema.sources(draw), schema.draws[draw].batch_size
        item = (spec.length + 1, layout.row_bytes)
        super().__init__(address, item, max_in_flight)
        self._layout = layout
        self._per_task = spec.per_task
        self._buffer = np.empty((_AHEAD, len(tables), batch_size, *item), np.uint8)
        self._filled = [0] * len(tables)
        """Batches that each thread has filled since the start."""
        self._done = [0] * len(tables)
        """Items that each thread has put into its part of the next batch."""
        self._taken = 0
        self.start(tables)

    def next(self, timeout_s: float) -> Step | None:
        with self.changed:
            if not self.wait_for(lambda: min(self._filled) > self._taken, timeout_s):
                return None
            slot = self._taken % _AHEAD
        # The threads leave this slot alone until it is counted as taken.
        packed = self._buffer[slot] if self._per_task else self._buffer[slot, 0]
        batch = self._layout.time_major(packed)
        with self.changed:
            self._taken += 1
            self.changed.notify_all()
        return batch

    def has_room(self, index: int) -> bool:
        return self._filled[index] < self._taken + _AHEAD

    def put(self, index: int, item: np.ndarray) -> None:
        self._buffer[self._filled[index] % _AHEAD, index, self._done[index]] = item
        self._done[index] += 1
        if self._done[index] == self._buffer.shape[2]:
            self._done[index] = 0
            with self.changed:
                self._filled[index] += 1
                self.changed.notify_all()


class _Rounds(Sampling):
    """Batches of use-once tables, each of items that one policy version acted for.

    Actors fill such tables in rounds of one batch, and finish a round before they begin the next
    (`actors.rounds`). Items that a component's death left of a broken round are of an older version
    than those after them, and are dropped, so that nothing old stays in the queue for good.
    """

    def __init__(self, schema: Schema, draw: str, address: str, max_in_flight: int) -> None:
        spec, layout = schema.table_of(draw), schema.layout
        tables, batch_size = schema.sources(draw), schema.draws[draw].batch_size
        item = (spec.length + 1, layout.row_bytes)
        super().__init__(address, item, min(max_in_flight, batch_size))
        self._layout = layout
        self._per_task = spec.per_task
        self._row = 0 if spec.whole_trial else -1
        """The row whose version counts: trials end in padding, windows begin with old rows."""
        self._version = -1
        self._newest: int | None = None
        self._items: list[list[np.ndarray]] = [[] for _ in tables]
        self._batch_size = batch_size
        self.start(tables)

    def acted_by(self, newest: int) -> None:
        with self.changed:
            self._newest = newest
            if self._version > newest:  # drawn before the learner's step was known
                self._version = -1
                self._clear()

    def next(self, timeout_s: float) -> Step | None:
        with self.changed:
            if not self.wait_for(self._is_ready, timeout_s):
                return None
            drawn = np.array(self._items)
            self._clear()
        return self._layout.time_major(drawn if self._per_task else drawn[0])

    def has_room(self, index: int) -> bool:
        return len(self._items[index]) < self._batch_size

    def put(self, index: int, item: np.ndarray) -> None:
        version = int(self._layout.unpack(item[self._row])["policy_version"])
        with self.changed:
            if version < self._version or (self._newest is not None and version > self._newest):
                return
            if version > self._version:
                self._version = version
                self._clear()
            self._items[index].append(item)
            if self._is_ready():
                self.changed.notify_all()

    def _clear(self) -> None:
        for items in self._items:
            items.clear()
        self.changed.notify_all()

    def _is_ready(self) -> bool:
        return all(len(items) == self._batch_size for items in self._items)
