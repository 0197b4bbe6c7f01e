"""Replay in one process: the same three interfaces as over Reverb, seeded and deterministic.

It serves inline runs, tests and machines without Reverb. Nothing here waits: items that a limiter
stops stay with the writer, and a batch that cannot be drawn is None at once, so one thread can
write and read in turn. A lock lets a learner's prefetching thread read beside the writers.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from skill_train.replay.backend import TableInfo
from skill_train.replay.cutting import Cutter, Items
from skill_train.replay.memory_table import MemoryTable, table_file
from skill_train.replay.record import empty_folder, read_record, write_record
from skill_train.replay.schema import Schema
from skill_train.replay.step import Step


class InMemoryReplay:
    """Tables in this process. The same seed, writes and draws give the same batches, bit for bit.

    Raises ValueError where a table could never give what the draws ask for.
    """

    def __init__(self, schema: Schema, seed: int) -> None:
        self._schema = schema
        self._described = schema.limited(ahead=lambda batch: 0)
        seeds = np.random.SeedSequence(seed).spawn(len(self._described))
        self._tables = {
            name: MemoryTable(spec, limiter, schema.layout.row_bytes, table_seed)
            for (name, (spec, limiter)), table_seed in zip(
                self._described.items(), seeds, strict=True
            )
        }
        self._lock = threading.Lock()

    def writer(self, num_streams: int) -> InMemoryWriter:
        """A writer of ``num_streams`` parallel streams."""
        return InMemoryWriter(Cutter(self._schema, num_streams), self._tables, self._lock)

    def reader(self) -> InMemoryReader:
        """A reader of the schema's draws."""
        return InMemoryReader(self._schema, self._tables, self._lock)

    def info(self) -> Mapping[str, TableInfo]:
        """State of every concrete table by name."""
        with self._lock:
            return {name: table.info() for name, table in self._tables.items()}

    def save(self, folder: Path) -> None:
        """Write all tables, limiter counts and random states below ``folder`` (new or empty).

        Items that a writer still holds are not saved.
        """
        folder = empty_folder(folder)
        with self._lock:
            state = {
                name: table.save(folder / table_file(index))
                for index, (name, table) in enumerate(self._tables.items())
            }
        write_record(folder, "memory", self._described, self._schema.layout, state)

    def load(self, folder: Path) -> None:
        """Restore the replay that `save` wrote; draws continue as if it had never stopped.

        Raises ValueError if ``folder`` is damaged or was saved with other tables or rows.
        """
        folder = Path(folder)
        state = read_record(folder, "memory", self._described, self._schema.layout)
        with self._lock:
            for index, (name, table) in enumerate(self._tables.items()):
                table.load(folder / table_file(index), state[name])

    def close(self) -> None:
        """Do nothing: the tables need no closing."""


class InMemoryWriter:
    """A writer that keeps the items that a table does not take yet."""

    def __init__(
        self, cutter: Cutter, tables: Mapping[str, MemoryTable], lock: threading.Lock
    ) -> None:
        self._cutter = cutter
        self._tables = tables
        self._lock = lock
        self._waiting: dict[str, deque[np.ndarray]] = defaultdict(deque)

    def append(self, rows: Step) -> None:
        """Add one row to each stream, arrays ``[B, ...]``."""
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
        """Insert the waiting items as far as the tables take them; True if none is left.

        Never waits.
        """
        return self._insert()

    def close(self) -> None:
        """Drop unfinished windows, and items that no table took."""
        self._waiting.clear()

    def _put(self, finished: list[Items]) -> int:
        written = 0
        for items in finished:
            for table, packed in items.by_table():
                if table not in self._tables:
                    raise ValueError(f"a row's task asks for table {table!r}, which does not exist")
                self._waiting[table].append(packed)
                written += len(packed)
        self._insert()
        return written

    def _insert(self) -> bool:
        if not self._waiting:
            return True
        with self._lock:
            for name in list(self._waiting):
                waiting = self._waiting[name]
                while waiting:
                    taken = self._tables[name].insert(waiting[0])
                    if taken < len(waiting[0]):
                        waiting[0] = waiting[0][taken:]
                        break
                    waiting.popleft()
                if not waiting:
                    del self._waiting[name]
        return not self._waiting


class InMemoryReader:
    """A reader that draws batches straight from the tables."""

    def __init__(
        self, schema: Schema, tables: Mapping[str, MemoryTable], lock: threading.Lock
    ) -> None:
        self._schema = schema
        self._sources = {
            draw: [tables[name] for name in schema.sources(draw)] for draw in schema.draws
        }
        self._lock = lock

    def next(self, draw: str, timeout_s: float) -> Step | None:
        """The next batch, ``[T+1, B, ...]`` or ``[T+1, N, B, ...]``, or None. Never waits."""
        per_task = self._schema.table_of(draw).per_task
        batch_size = self._schema.draws[draw].batch_size
        tables = self._sources[draw]
        with self._lock:
            if not all(table.can_give(batch_size) for table in tables):
                return None
            drawn = [table.sample(batch_size) for table in tables]
        return self._schema.layout.time_major(np.stack(drawn) if per_task else drawn[0])

    def acted_by(self, newest: int) -> None:
        """Do nothing: writer and learner share this process, and no weights are lost."""

    def close(self) -> None:
        """Do nothing: no thread draws."""
