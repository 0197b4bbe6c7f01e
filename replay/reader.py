"""Draw batches from a Reverb server, prefetched by threads (`replay.sampling`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from replay.limits import check_draws
from replay.sampling import Sampling
from replay.step import RowLayout, Step
from replay.tables import Draw, TableSpec, task_table

_AHEAD = 2
"""Batches that a draw holds, the one being filled included."""


def items_ahead(batch_size: int, max_in_flight: int) -> int:
    """Items that a draw may have taken from a table and no learner has seen: for its limiter."""
    return _AHEAD * batch_size + max_in_flight


class ReverbReader:
    """Draws from the server at ``address`` ("host:port"), which must be another process.

    ``max_in_flight`` is how many items each sampler asks for ahead. A queue is asked for one
    batch at most and no batch is filled beside a ready one, as what is taken from a queue ages
    and would be lost with the reader. Queues of several tasks are emptied all the time, and the
    oldest items forgotten here as they would be there.

    Making a reader does not need the server.
    """

    def __init__(
        self,
        address: str,
        specs: Sequence[TableSpec],
        layout: RowLayout,
        tasks: Sequence[int],
        draws: Mapping[str, Draw],
        max_in_flight: int = 64,
    ) -> None:
        check_draws(tuple(specs), draws)
        if max_in_flight < 1:
            raise ValueError(f"max_in_flight must be at least 1, got {max_in_flight}")
        self._layout = layout
        self._draws: dict[str, _Prefetch | _Newest] = {}
        for name, draw in draws.items():
            spec = next(spec for spec in specs if spec.name == draw.table)
            tables = [spec.name]
            if spec.per_task:
                tables = [task_table(spec.name, task) for task in tasks]
            kind = _Newest if spec.use_once and spec.per_task else _Prefetch
            self._draws[name] = kind(address, spec, layout, tables, draw.batch_size, max_in_flight)

    def next(self, draw: str, timeout_s: float) -> Step | None:
        """The next batch, ``[T+1, B, ...]`` or ``[T+1, N, B, ...]``; None after ``timeout_s``.

        What came in time is kept for the next call. Raises ValueError if the server has no such
        table or holds rows of another layout.
        """
        if draw not in self._draws:
            raise ValueError(f"no draw is named {draw!r}; there are {sorted(self._draws)}")
        return self._draws[draw].next(timeout_s)

    def close(self) -> None:
        """Stop drawing. A thread that waits on an empty table stays until the process ends."""
        for one in self._draws.values():
            one.close()


class _Prefetch(Sampling):
    """Batches of one draw, each filled by one thread per concrete table."""

    def __init__(
        self,
        address: str,
        spec: TableSpec,
        layout: RowLayout,
        tables: Sequence[str],
        batch_size: int,
        max_in_flight: int,
    ) -> None:
        item = (spec.length + 1, layout.row_bytes)
        super().__init__(
            address, item, min(max_in_flight, batch_size) if spec.use_once else max_in_flight
        )
        self._layout = layout
        self._per_task = spec.per_task
        self._slots = 1 if spec.use_once else _AHEAD
        self._buffer = np.empty((self._slots, len(tables), batch_size, *item), np.uint8)
        self._filled = [0] * len(tables)
        """Batches that each thread has filled since the start."""
        self._done = [0] * len(tables)
        """Items that each thread has put into its part of the next."""
        self._taken = 0
        self.start(tables)

    def next(self, timeout_s: float) -> Step | None:
        with self.changed:
            if not self.wait_for(lambda: min(self._filled) > self._taken, timeout_s):
                return None
            slot = self._taken % self._slots
        # The threads leave this slot alone until it is counted as taken.
        packed = self._buffer[slot] if self._per_task else self._buffer[slot, 0]
        batch = self._layout.time_major(packed)
        with self.changed:
            self._taken += 1
            self.changed.notify_all()
        return batch

    def has_room(self, index: int) -> bool:
        return self._filled[index] < self._taken + self._slots

    def put(self, index: int, item: np.ndarray) -> None:
        self._buffer[self._filled[index] % self._slots, index, self._done[index]] = item
        self._done[index] += 1
        if self._done[index] == self._buffer.shape[2]:
            self._done[index] = 0
            with self.changed:
                self._filled[index] += 1
                self.changed.notify_all()


class _Newest(Sampling):
    """Batches of queues, one of each task, that forget their oldest items.

    A batch waits for the slowest task. If the other threads stopped as soon as they had their
    part of it, those parts would be as old as the wait, in that batch and every later one.
    """

    def __init__(
        self,
        address: str,
        spec: TableSpec,
        layout: RowLayout,
        tables: Sequence[str],
        batch_size: int,
        max_in_flight: int,
    ) -> None:
        item = (spec.length + 1, layout.row_bytes)
        super().__init__(address, item, min(max_in_flight, batch_size))
        self._layout = layout
        self._batch_size = batch_size
        self._items: list[deque[np.ndarray]] = [deque(maxlen=spec.max_items) for _ in tables]
        self.start(tables)

    def next(self, timeout_s: float) -> Step | None:
        with self.changed:
            if not self.wait_for(self._is_ready, timeout_s):
                return None
            drawn = [[items.popleft() for _ in range(self._batch_size)] for items in self._items]
        return self._layout.time_major(np.array(drawn))

    def put(self, index: int, item: np.ndarray) -> None:
        with self.changed:
            self._items[index].append(item)
            if self._is_ready():
                self.changed.notify_all()

    def _is_ready(self) -> bool:
        return all(len(items) >= self._batch_size for items in self._items)
