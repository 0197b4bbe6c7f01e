"""The tables behind a Reverb server, saved to disk and restored.

Reverb's server listens on all interfaces (``[::]``) and has no setting for it, without
encryption or password: keep its port inside a private network. It also silently lets two servers
share one port, so the port is checked first.

Nothing may be drawn in the server's own process (its local sampler crashes now and then): make
readers elsewhere.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skill_train.replay.backend import TableInfo
from skill_train.replay.limiter import UNLIMITED, Limiter
from skill_train.replay.reader import MAX_IN_FLIGHT, items_ahead
from skill_train.replay.record import empty_folder, read_record, write_record
from skill_train.replay.reverb_native import TableState, native, table_states
from skill_train.replay.schema import Schema
from skill_train.replay.tables import TableSpec

_ANSWER_S = 30.0
_ITEM_BYTES, _ROW_FACTOR = 1_600, 1.05
"""Bytes of memory for an item besides its rows, and for a byte of rows."""
_CHECKPOINT = "reverb"


def server_bytes(schema: Schema) -> int:
    """Bytes of memory of a Reverb server with full tables: many times the size of small rows."""
    return int(_ITEM_BYTES * schema.max_items + _ROW_FACTOR * schema.table_bytes)


class ReverbReplay:
    """The tables of ``schema``, served by this process at `address` until `close`.

    ``port`` None takes a free one; a run that should survive the server's death fixes it, so that
    readers and writers find the restarted server. ``host`` is the name in `address`; it does not
    restrict listening. ``restore`` is a folder that `save` wrote. ``max_in_flight`` is that of the
    readers, for the limiters. ``scratch`` is the folder in which Reverb writes a checkpoint before
    `save` moves it, in an instant if both are on one disk; None takes the system's temporary one.

    Raises ValueError, in one sentence, if a table could never give its batch, the port is taken,
    or ``restore`` is damaged or of a run with other tables, limiters or rows.
    """

    def __init__(
        self,
        schema: Schema,
        port: int | None = None,
        *,
        host: str = "localhost",
        restore: Path | None = None,
        max_in_flight: int = MAX_IN_FLIGHT,
        scratch: Path | None = None,
    ) -> None:
        self._layout = schema.layout
        self._tables = schema.limited(ahead=lambda batch: items_ahead(batch, max_in_flight))
        checkpoint = None
        if restore is not None:
            read_record(restore, "reverb", self._tables, self._layout)
            checkpoint = str(Path(restore) / _CHECKPOINT)
        self._port = _free_port(port)
        self._host = host
        # Reverb deletes all other files in the folder of its checkpoints, so it gets its own.
        self._scratch = Path(tempfile.mkdtemp(prefix="replay-", dir=scratch))
        try:
            self._server = native().Server(
                [_table(*described) for described in self._tables.values()],
                self._port,
                native().create_default_checkpointer(str(self._scratch), "", checkpoint),
            )
            self._client = native().Client(f"localhost:{self._port}")
            self._check_tables(restore)
        except (RuntimeError, ValueError) as error:
            self.close()
            if isinstance(error, ValueError):
                raise
            source = "" if restore is None else f" from {restore}"
            raise ValueError(
                f"Reverb did not start on port {self._port}{source}: {error}"
            ) from error

    @property
    def address(self) -> str:
        """The address that readers and writers connect to, "host:port"."""
        return f"{self._host}:{self._port}"

    def info(self) -> Mapping[str, TableInfo]:
        """State of every concrete table by name; ``sampled`` includes prefetched items."""
        return {
            name: TableInfo(state.size, state.max_items, state.inserted, state.sampled)
            for name, state in table_states(self._client, _ANSWER_S).items()
        }

    def save(self, folder: Path) -> None:
        """Write all tables below ``folder`` (new or empty), whole or not at all.

        Takes about a second per 24 MB; readers and writers go on meanwhile. Tables are written
        one after another, so they are not all of the same instant.
        """
        folder = empty_folder(folder)
        try:
            written = Path(self._client.Checkpoint())
        except RuntimeError as error:
            raise ValueError(f"Reverb could not write a checkpoint: {error}") from error
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            shutil.move(written, part / _CHECKPOINT)
            write_record(part, "reverb", self._tables, self._layout, {})
            part.chmod(0o755)
            os.replace(part, folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def close(self) -> None:
        """Stop the server. Its items are lost unless saved."""
        server = self.__dict__.pop("_server", None)
        if server is not None:
            server.Stop()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _check_tables(self, restore: Path | None) -> None:
        """Raise ValueError unless the served tables are the run's: a checkpoint overrides them."""
        try:
            states = table_states(self._client, _ANSWER_S)
        except TimeoutError as error:
            raise ValueError(f"the replay server on port {self._port} does not answer") from error
        for name, (spec, limiter) in self._tables.items():
            if name not in states or _differs(states[name], spec, limiter):
                raise ValueError(
                    f"table {name!r} restored from {restore} is {states.get(name)}, but this run "
                    f"asks for {spec} with {limiter}"
                )


def _table(spec: TableSpec, limiter: Limiter) -> Any:
    reverb = native()
    return reverb.Table(
        name=spec.name,
        sampler=reverb.FifoSelector() if spec.use_once else reverb.UniformSelector(),
        remover=reverb.FifoSelector(),
        max_size=spec.max_items,
        max_times_sampled=int(spec.use_once),
        rate_limiter=reverb.RateLimiter(
            samples_per_insert=limiter.samples_per_insert,
            min_size_to_sample=limiter.min_items,
            min_diff=max(limiter.min_diff, -UNLIMITED),
            max_diff=min(limiter.max_diff, UNLIMITED),
        ),
        extensions=[],
        signature=None,
    )


def _differs(state: TableState, spec: TableSpec, limiter: Limiter) -> bool:
    served = (
        state.samples_per_insert,
        state.min_size_to_sample,
        state.min_diff,
        state.max_diff,
        state.max_items,
        state.max_times_sampled,
    )
    return served != (*limiter, spec.max_items, int(spec.use_once))


def _free_port(port: int | None) -> int:
    """``port`` if nothing listens there, or one that is free.

    Reverb would share a taken port with its owner, and each would get some of the connections.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Connections of a server that was just killed do not keep its successor out.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port or 0))
        except OSError as error:
            raise ValueError(
                f"replay cannot listen on port {port}: {error.strerror}; choose another port or "
                "stop what uses it"
            ) from error
        return probe.getsockname()[1]
