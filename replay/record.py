"""The record of a saved replay, by which one that is damaged or of another run is refused.

A saved replay is a folder with ``replay.json`` beside its data files. The record names the row's
layout and every table with its limiter, because Reverb silently takes all of these from a
checkpoint, even where the new run asks for others.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skill_train.replay.limiter import Limiter
from skill_train.replay.step import RowLayout
from skill_train.replay.tables import TableSpec

_FILE = "replay.json"
_FORMAT = 1

Tables = Mapping[str, tuple[TableSpec, Limiter]]
"""Concrete table name -> its spec and its limiter."""


def empty_folder(folder: Path) -> Path:
    """Make ``folder`` if it is missing. Raises ValueError if it is not empty."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ValueError(f"replay can only be saved into an empty folder, and {folder} is not")
    return folder


def write_record(
    folder: Path, kind: str, tables: Tables, layout: RowLayout, state: Mapping[str, Any]
) -> None:
    """Write the record of the files in ``folder``, with the back end's ``state`` as JSON."""
    files = {str(p.relative_to(folder)): _checksum(p) for p in _data_files(folder)}
    record = {
        "format": _FORMAT,
        "kind": kind,
        "layout": _plain(layout.describe()),
        "tables": _described(tables),
        "files": files,
        "state": dict(state),
    }
    (folder / _FILE).write_text(json.dumps(record, indent=1))


def read_record(folder: Path, kind: str, tables: Tables, layout: RowLayout) -> dict[str, Any]:
    """The ``state`` that was saved in ``folder``.

    Raises ValueError, in one sentence, if the folder is no saved replay of this kind, was saved
    with other tables, limiters or rows, or is damaged.
    """
    record = _read(folder)
    if record["kind"] != kind:
        raise ValueError(
            f"{folder} holds a replay of kind {record['kind']!r}; this run reads kind {kind!r}"
        )
    _same(f"the rows saved in {folder}", record["layout"], _plain(layout.describe()))
    saved, wanted = record["tables"], _described(tables)
    if saved.keys() != wanted.keys():
        raise ValueError(
            f"{folder} was saved with tables {sorted(saved)}, but this run has {sorted(wanted)}; "
            "restore with the tables it was saved with"
        )
    for name in wanted:
        _same(f"table {name!r} saved in {folder}", saved[name], wanted[name])
    _refuse_damage(folder, record)
    return record["state"]


def read_kind(folder: Path, layout: RowLayout) -> tuple[str, tuple[str, ...]]:
    """The kind of back end that saved ``folder``, and the names of its concrete tables in order.

    Raises ValueError, in one sentence, if the folder is no saved replay, holds rows of another
    layout, or is damaged.
    """
    record = _read(folder)
    _same(f"the rows saved in {folder}", record["layout"], _plain(layout.describe()))
    _refuse_damage(folder, record)
    return record["kind"], tuple(record["tables"])


def _read(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads((Path(folder) / _FILE).read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder} holds no saved replay: {_FILE} cannot be read") from error
    if not isinstance(record, dict) or record.get("format") != _FORMAT or "kind" not in record:
        raise ValueError(f"{folder} holds no replay of format {_FORMAT}, which this version reads")
    return record


def _refuse_damage(folder: Path, record: Mapping[str, Any]) -> None:
    for name, checksum in record["files"].items():
        path = Path(folder) / name
        if not path.is_file() or _checksum(path) != checksum:
            raise ValueError(f"{folder} is damaged: {name} is missing or not as it was saved")


def _same(what: str, saved: Any, wanted: Any) -> None:
    if saved != wanted:
        raise ValueError(f"{what} had {saved}, but this run has {wanted}; they must be the same")


def _described(tables: Tables) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "length": spec.length,
            "max_items": spec.max_items,
            "use_once": spec.use_once,
            "whole_trial": spec.whole_trial,
            **limiter._asdict(),
        }
        for name, (spec, limiter) in tables.items()
    }


def _plain(description: Any) -> Any:
    return json.loads(json.dumps(description))


def _data_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name != _FILE)


def _checksum(path: Path) -> list[int]:
    """[bytes, CRC-32], which reveal a file that was cut or changed by accident."""
    crc = size = 0
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            crc = zlib.crc32(block, crc)
            size += len(block)
    return [size, crc]
