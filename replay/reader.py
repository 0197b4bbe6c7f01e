"""Draw batches from a Reverb server, prefetched by threads that cannot be stopped.

Reverb 0.14 has no way to cancel a sampler that waits on an empty table. So each (draw, concrete
table) has a daemon thread that fills its part of preallocated batches and is left behind when the
reader closes. Samplers find their server again when it returns at the same address.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

import numpy as np

from replay.limits import check_draws
from replay.reverb_native import native
from replay.step import RowLayout, Step
from replay.tables import Draw, TableSpec, task_table

_AHEAD = 2
"""Batches that a draw holds, the one being filled included."""
_RETRY_S = 0.5


def items_ahead(batch_size: int, max_in_flight: int) -> int:
    """Items that a draw may have taken from a table and no learner has seen: for its limiter."""
    return _AHEAD * batch_size + max_in_flight


class ReverbReader:
    """Draws from the server at ``address`` ("host:port"), which must be another process.

    ``max_in_flight`` is how many items each sampler asks for ahead. A queue is asked for one
    batch at most and no batch is filled beside a ready one, as what is taken from a queue ages
    and would be lost with the reader.

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
        self._prefetches = {}
        for name, draw in draws.items():
            spec = next(spec for spec in specs if spec.name == draw.table)
            self._prefetches[name] = _Prefetch(
                address, spec, layout, tasks, draw.batch_size, max_in_flight
            )

    def next(self, draw: str, timeout_s: float) -> Step | None:
        """The next batch, ``[T+1, B, ...]`` or ``[T+1, N, B, ...]``; None after ``timeout_s``.

        What came in time is kept for the next call. Raises ValueError if the server has no such
        table or holds rows of another layout.
        """
        if draw not in self._prefetches:
            raise ValueError(f"no draw is named {draw!r}; there are {sorted(self._prefetches)}")
        return self._prefetches[draw].next(timeout_s)

    def close(self) -> None:
        """Stop drawing. A thread that waits on an empty table stays until the process ends."""
        for prefetch in self._prefetches.values():
            prefetch.close()


class _Prefetch:
    """Batches of one draw, each filled by one thread per concrete table."""

    def __init__(
        self,
        address: str,
        spec: TableSpec,
        layout: RowLayout,
        tasks: Sequence[int],
        batch_size: int,
        max_in_flight: int,
    ) -> None:
        self._address = address
        self._layout = layout
        self._per_task = spec.per_task
        tables = [spec.name]
        if spec.per_task:
            tables = [task_table(spec.name, task) for task in tasks]
        self._slots = 1 if spec.use_once else _AHEAD
        shape = (self._slots, len(tables), batch_size, spec.length + 1, layout.row_bytes)
        self._buffer = np.empty(shape, np.uint8)
        self._changed = threading.Condition()
        self._filled = [0] * len(tables)
        """Batches that each thread has filled since the start."""
        self._taken = 0
        self._closed = False
        self._error: str | None = None
        in_flight = min(max_in_flight, batch_size) if spec.use_once else max_in_flight
        for index, table in enumerate(tables):
            threading.Thread(
                target=self._fill, args=(index, table, in_flight), name=f"draw-{table}", daemon=True
            ).start()

    def next(self, timeout_s: float) -> Step | None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._error or self._closed or min(self._filled) > self._taken, timeout_s
            )
            if self._error:
                raise ValueError(self._error)
            if self._closed or min(self._filled) <= self._taken:
                return None
            slot = self._taken % self._slots
        # The threads leave this slot alone until it is counted as taken.
        packed = self._buffer[slot] if self._per_task else self._buffer[slot, 0]
        batch = self._layout.time_major(packed)
        with self._changed:
            self._taken += 1
            self._changed.notify_all()
        return batch

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _fill(self, index: int, table: str, max_in_flight: int) -> None:
        """Fill part ``index`` of every batch from ``table``, until closed."""
        sampler = None
        batch_size = self._buffer.shape[2]
        while self._wait_for_slot(index):
            part = self._buffer[self._filled[index] % self._slots, index]
            done = 0
            while done < batch_size:
                try:
                    if sampler is None:
                        sampler = (
                            native().Client(self._address).NewSampler(table, -1, max_in_flight)
                        )
                    item = sampler.GetNextTrajectory()[-1]
                except RuntimeError as error:
                    # The sampler is made anew only here, by the thread that owns it.
                    sampler = None
                    if self._fails(table, error):
                        return
                    continue
                if self._closed:
                    return
                if item.shape != part.shape[1:] or item.dtype != np.uint8:
                    self._fail(
                        f"table {table!r} at {self._address} holds items {item.dtype} of shape "
                        f"{item.shape}, but this run's are uint8 of shape {part.shape[1:]}: it was "
                        "filled by a run with another row or length"
                    )
                    return
                part[done] = item
                done += 1
            with self._changed:
                self._filled[index] += 1
                self._changed.notify_all()

    def _wait_for_slot(self, index: int) -> bool:
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or self._filled[index] < self._taken + self._slots
            )
            return not self._closed

    def _fails(self, table: str, error: RuntimeError) -> bool:
        """Whether ``error`` is for good; if not, returns False after a pause."""
        if "not found" in str(error):
            self._fail(f"the replay server at {self._address} has no table {table!r}")
            return True
        time.sleep(_RETRY_S)
        return self._closed

    def _fail(self, message: str) -> None:
        with self._changed:
            self._error = message
            self._changed.notify_all()
