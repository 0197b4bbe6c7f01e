"""Cut B parallel streams of rows into items: windows, transitions and whole trials.

Rows are written once, packed, into a history ``[B, columns]``; an item is a slice of it. Each
table knows the column at which its next window is complete, so most appends cost one comparison
per table, and streams in step are cut together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np

from skill_train.replay.schema import Schema
from skill_train.replay.step import RowLayout, Step
from skill_train.replay.tables import TableSpec, task_table

_NEVER = 1 << 40


class Items(NamedTuple):
    """Finished items of one table, in the order of their streams."""

    spec: TableSpec
    rows: np.ndarray
    """``uint8 [n, T+1, row_bytes]``, a copy."""
    tasks: np.ndarray
    """``[n]``, the task of each item's first row."""

    def by_table(self) -> Iterator[tuple[str, np.ndarray]]:
        """Pairs of a concrete table's name and its items ``uint8 [n, T+1, row_bytes]``."""
        if not self.spec.per_task:
            yield self.spec.name, self.rows
            return
        for task in np.unique(self.tasks):
            yield task_table(self.spec.name, int(task)), self.rows[self.tasks == task]


class Cutter:
    """The cutter of ``num_streams`` streams of rows into items for the tables of ``schema``."""

    def __init__(self, schema: Schema, num_streams: int) -> None:
        if num_streams < 1:
            raise ValueError(f"num_streams must be at least 1, got {num_streams}")
        specs, layout = schema.tables, schema.layout
        self._layout = layout
        # A trial is handed over one row after its last, hence one more than an item's T + 1.
        self._keep = max(spec.length for spec in specs) + 2
        columns = max(2 * self._keep, 128)
        self._packed = np.zeros((num_streams, columns, layout.row_bytes), np.uint8)
        history = self._packed.view(layout.dtype)[..., 0]
        self._fields = layout.leaves(layout.views(history))
        self._shapes = [field[:, 0].shape for field in self._fields]
        self._task = history["task"]
        self._is_first = history["is_first"]
        self._column = 0
        self._tables: list[_Table] = [
            (_Trials if spec.whole_trial else _Windows)(spec, num_streams, layout) for spec in specs
        ]
        self._once = [
            table for table in self._tables if isinstance(table, _Windows) and table.spec.use_once
        ]

    def append(self, rows: Step) -> list[Items]:
        """Add one row per stream (arrays ``[B, ...]``); returns the items that became complete.

        Raises ValueError for arrays that do not fit the layout and for a trial that outgrows its
        table.
        """
        column = self._column
        if column == self._packed.shape[1]:
            column = self._make_room()
        self._write(rows, column)
        self._column = column + 1
        finished = []
        for table in self._tables:
            items = table.cut(self._packed, self._is_first, self._task, column)
            if items is not None:
                finished.append(items)
        return finished

    @property
    def bootstrap_due(self) -> bool:
        """Whether the next row completes windows of a use-once table."""
        return any(window.due <= self._column for window in self._once)

    def bootstrap(self, rows: Step, at_most: int) -> list[Items]:
        """Complete the use-once windows that only lack their last row; returns ``at_most`` of them.

        Of a window's last row only the observation and ``is_first`` count. The rows given here
        stand in for it and are forgotten: the next `append` takes their place, so that an actor
        may finish a window before it acts with newer weights.
        """
        column = self._column
        if column == self._packed.shape[1]:
            column = self._column = self._make_room()
        self._write(rows, column)
        finished = []
        for window in self._once:
            items = window.cut(self._packed, self._is_first, self._task, column)
            if items is not None:
                finished.append(Items(items.spec, items.rows[:at_most], items.tasks[:at_most]))
        return finished

    def drop(self, stream: int) -> None:
        """Forget the unfinished windows of ``stream``; its next row starts afresh."""
        for table in self._tables:
            table.drop(stream, self._column)

    def _write(self, rows: Step, column: int) -> None:
        leaves = self._layout.leaves(rows)
        for field, leaf, shape in zip(self._fields, leaves, self._shapes, strict=True):
            try:
                fits = leaf.shape == shape
                if fits:
                    np.copyto(field[:, column], leaf)
            except (TypeError, AttributeError):
                fits = False
            if not fits:
                self._complain(leaves)

    def _complain(self, leaves: list[np.ndarray]) -> None:
        described = self._layout.describe()
        for (name, dtype, _), leaf, shape in zip(described, leaves, self._shapes, strict=True):
            array = np.asarray(leaf)
            if array.shape != shape or not np.can_cast(array.dtype, dtype, "same_kind"):
                raise ValueError(
                    f"{name} of the appended rows must be {dtype} of shape {shape}, "
                    f"but is {array.dtype} of shape {array.shape}"
                )
        raise ValueError("the appended rows must be NumPy arrays, one leading axis for the streams")

    def _make_room(self) -> int:
        """Move the rows that may still be needed to the front; returns the free column."""
        shift = self._packed.shape[1] - self._keep
        self._packed[:, : self._keep] = self._packed[:, shift:].copy()
        for table in self._tables:
            table.shift(shift)
        return self._keep


class _Table(Protocol):
    def cut(
        self, packed: np.ndarray, is_first: np.ndarray, task: np.ndarray, column: int
    ) -> Items | None: ...

    def drop(self, stream: int, next_column: int) -> None: ...

    def shift(self, columns: int) -> None: ...


class _Windows:
    """Windows of T + 1 rows, ``stride`` apart in each stream; those without actions are skipped."""

    def __init__(self, spec: TableSpec, num_streams: int, layout: RowLayout) -> None:
        self.spec = spec
        self._due = np.full(num_streams, spec.length, np.int64)
        """The column that completes each stream's next window."""
        self._in_step = True
        self._next_due = spec.length

    @property
    def due(self) -> int:
        """The column that completes the next window of any stream."""
        return self._next_due

    def cut(
        self, packed: np.ndarray, is_first: np.ndarray, task: np.ndarray, column: int
    ) -> Items | None:
        if column < self._next_due:
            return None
        start = column - self.spec.length
        acted = ~is_first[:, column]
        if self.spec.length > 1:
            acted |= ~is_first[:, start + 1 : column].all(axis=1)
        if self._in_step:
            self._next_due += self.spec.stride
        else:
            complete = self._due == column
            self._due[complete] += self.spec.stride
            self._next_due = int(self._due.min())
            self._in_step = bool((self._due == self._next_due).all())
            acted &= complete
        if acted.all():
            return Items(self.spec, packed[:, start : column + 1].copy(), task[:, start].copy())
        streams = np.flatnonzero(acted)
        if not streams.size:
            return None
        return Items(self.spec, packed[streams, start : column + 1], task[streams, start])

    def drop(self, stream: int, next_column: int) -> None:
        if self._in_step:
            self._due[:] = self._next_due
        due = next_column + self.spec.length
        if self.spec.use_once:
            # In step with the other streams, so that a round ends a window of every stream.
            due += -(due - self._next_due) % self.spec.stride
        self._due[stream] = due
        self._next_due = int(self._due.min())
        self._in_step = bool((self._due == self._next_due).all())

    def shift(self, columns: int) -> None:
        self._due -= columns
        self._next_due -= columns


class _Trials:
    """Whole trials, from a first row up to the next one, padded with dead rows."""

    def __init__(self, spec: TableSpec, num_streams: int, layout: RowLayout) -> None:
        self.spec = spec
        self._layout = layout
        self._begin = np.full(num_streams, _NEVER, np.int64)
        """The column of each stream's first row, `_NEVER` before it has one."""
        self._oldest = _NEVER

    def cut(
        self, packed: np.ndarray, is_first: np.ndarray, task: np.ndarray, column: int
    ) -> Items | None:
        items = None
        first = is_first[:, column]
        if first.any():
            # A trial of one row holds no action: nothing can be learned from it.
            done = np.flatnonzero(first & (self._begin < column - 1))
            if done.size:
                items = self._pad(packed, task, done, column)
            self._begin[first] = column
            self._oldest = int(self._begin.min())
        if column - self._oldest > self.spec.length:
            stream = int(self._begin.argmin())
            raise ValueError(
                f"table {self.spec.name!r}: the trial of stream {stream} has more than the "
                f"{self.spec.length + 1} rows of max_length {self.spec.length}; end it earlier "
                "or raise max_length"
            )
        return items

    def drop(self, stream: int, next_column: int) -> None:
        self._begin[stream] = _NEVER
        self._oldest = int(self._begin.min())

    def shift(self, columns: int) -> None:
        self._begin[self._begin < _NEVER] -= columns
        self._oldest = int(self._begin.min())

    def _pad(self, packed: np.ndarray, task: np.ndarray, streams: np.ndarray, column: int) -> Items:
        rows = np.zeros((len(streams), self.spec.length + 1, packed.shape[-1]), np.uint8)
        is_first = rows.view(self._layout.dtype)[..., 0]["is_first"]
        for item, stream in enumerate(streams):
            begin = self._begin[stream]
            rows[item, : column - begin] = packed[stream, begin:column]
            is_first[item, column - begin :] = True
        return Items(self.spec, rows, task[streams, self._begin[streams]])
