"""Both back ends behind one face, for tests that hold for either."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from pathlib import Path

from skill_train.replay.backend import Reader, TableInfo, Writer
from skill_train.replay.in_memory import InMemoryReplay
from skill_train.replay.reader import ReverbReader
from skill_train.replay.step import Step
from skill_train.replay.writer import ReverbWriter
from tests.replay.serving import ServerProcess
from tests.replay.streams import schema_of


class MemoryBackend:
    """`InMemoryReplay`, remade on restore."""

    patience_s = 0.0
    """How long to wait for what must come."""
    impatience_s = 0.0
    """How long to wait for what must not come."""

    def __init__(self) -> None:
        self.replay: InMemoryReplay

    def start(self, specs, draws, tasks=(0,), restore: Path | None = None) -> None:
        self.replay = InMemoryReplay(schema_of(specs, draws, tasks), seed=7)
        if restore is not None:
            self.replay.load(restore)

    def writer(self, num_streams: int) -> Writer:
        return self.replay.writer(num_streams)

    def reader(self, only: str | None = None) -> Reader:
        return self.replay.reader()

    def info(self) -> dict[str, TableInfo]:
        return dict(self.replay.info())

    def save(self, folder: Path) -> None:
        self.replay.save(folder)

    def stop(self) -> None:
        self.replay.close()


class ReverbBackend:
    """A `ReverbReplay` in a process of its own; the last one started is spoken to."""

    patience_s = 30.0
    impatience_s = 0.3

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self.server: ServerProcess

    def start(self, specs, draws, tasks=(0,), restore: Path | None = None) -> None:
        self._schema = schema_of(specs, draws, tasks)
        self.server = ServerProcess(self._schema, restore=restore)
        self._stack.callback(self.server.stop)

    def writer(self, num_streams: int) -> Writer:
        writer = ReverbWriter(self._schema, self.server.address, num_streams)
        self._stack.callback(writer.close)
        return writer

    def reader(self, only: str | None = None) -> Reader:
        """Draws all, or ``only`` one: each takes items ahead, from queues for good."""
        schema = self._schema
        if only is not None:
            schema = replace(schema, draws={only: schema.draws[only]})
        reader = ReverbReader(schema, self.server.address)
        self._stack.callback(reader.close)
        return reader

    def info(self) -> dict[str, TableInfo]:
        return self.server.ask("info")

    def save(self, folder: Path) -> None:
        self.server.ask("save", folder)

    def stop(self) -> None:
        self.server.stop()


def draw(reader: Reader, name: str, patience_s: float) -> Step:
    """A batch that must come."""
    batch = reader.next(name, patience_s)
    assert batch is not None, f"no batch of {name!r} came"
    return batch


def until(condition, what: str, patience_s: float = 30.0) -> None:
    """Ask until ``condition()`` is true: only for what another process does in its own time."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)
