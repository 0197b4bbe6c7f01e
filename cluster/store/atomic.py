"""Files that are whole or not there: written aside, flushed to the disk, then renamed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` so that a kill at any instant leaves the old or the new."""
    write_bytes(path, text.encode())


def write_brief_json(path: Path, values: Mapping[str, Any]) -> None:
    """Replace ``path`` for other processes to read, without waiting for the disk.

    For what is written again in a second: a power cut may leave nothing of it.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    aside.write_text(_text(values))
    os.replace(aside, path)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """The same for a mapping, as indented JSON."""
    write_text(path, _text(values))


def create_json(path: Path, values: Mapping[str, Any]) -> None:
    """The same for a file that must be new: of two processes, one gets FileExistsError."""
    with open(path, "x") as file:
        file.write(_text(values))
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """The same for bytes. The folder must exist; raises OSError and leaves nothing behind."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(aside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _text(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=2, default=str) + "\n"


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
