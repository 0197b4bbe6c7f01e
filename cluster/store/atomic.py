"""Atomic writing of files: written aside, flushed to the disk, then renamed."""

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

    For files that are soon written again: a power cut may leave nothing of one.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    aside.write_text(_text(values))
    os.replace(aside, path)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Replace ``path`` by indented JSON, as `write_text` does."""
    write_text(path, _text(values))


def create_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a new JSON file; of two processes that do, one gets FileExistsError."""
    with open(path, "x") as file:
        file.write(_text(values))
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``, as `write_text` does, in a folder that exists.

    Raises OSError and leaves nothing behind.
    """
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
    """Flush the names in ``folder`` to the disk, so that they survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
