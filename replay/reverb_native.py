"""Reverb's compiled module without TensorFlow's Python.

``import reverb`` loads all of TensorFlow (2 s and 500 MB in every process). The compiled module
behind it needs one shared library of TensorFlow only. It is a private module of a frozen release,
so only this file knows how it is loaded, how a server describes itself and what its errors look
like; a test checks that the public package reads the data that this module wrote, and the reverse.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.machinery
import importlib.metadata
import importlib.util
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy  # noqa: F401  # must be loaded before the compiled module, which crashes otherwise

VERSION = "0.14.0"
_TENSORFLOW = "2.15."


class ReverbUnavailable(ImportError):
    """An error: Reverb is not installed, or is not the version that this file knows."""


@functools.cache
def native() -> ModuleType:
    """Reverb's compiled module.

    Raises `ReverbUnavailable` where it cannot be loaded.
    """
    version = _version("dm-reverb")
    if version != VERSION:
        raise ReverbUnavailable(
            f"replay over Reverb needs dm-reverb=={VERSION} (Python 3.9 to 3.11), but "
            f"{'none' if version is None else version} is installed; use replay.in_memory or "
            "install skill-train under Python 3.11"
        )
    tensorflow = _version("tensorflow-cpu") or _version("tensorflow")
    if tensorflow is None or not tensorflow.startswith(_TENSORFLOW):
        raise ReverbUnavailable(
            f"dm-reverb {VERSION} needs the libraries of TensorFlow {_TENSORFLOW}*, but "
            f"{'none' if tensorflow is None else tensorflow} is installed; "
            f"install tensorflow-cpu {_TENSORFLOW}*"
        )
    # Without this, gRPC would look for the replay server behind the proxy for the web.
    os.environ.setdefault("grpc_proxy", "")
    # The library's symbols stay local: global ones would break Python's ssl module.
    ctypes.CDLL(str(_folder("tensorflow") / "libtensorflow_framework.so.2"))
    loader = importlib.machinery.ExtensionFileLoader(
        "libpybind", str(_folder("reverb") / "libpybind.so")
    )
    module = importlib.util.module_from_spec(
        importlib.machinery.ModuleSpec("libpybind", loader, origin=loader.path)
    )
    loader.exec_module(module)
    return module


def installed() -> bool:
    """Whether the package is installed (it has no wheel from Python 3.12 on); loads nothing."""
    return importlib.util.find_spec("reverb") is not None


def available() -> bool:
    """Whether `native` can load the module."""
    try:
        native()
    except ReverbUnavailable:
        return False
    return True


class TableState(NamedTuple):
    """The state of one table as its server reports it; counts are items."""

    size: int
    max_items: int
    max_times_sampled: int
    inserted: int
    sampled: int
    samples_per_insert: float
    min_size_to_sample: int
    min_diff: float
    max_diff: float


def table_states(client: Any, timeout_s: float) -> dict[str, TableState]:
    """The tables of the server behind a native client, by name.

    Raises TimeoutError if no server answers in time (whole seconds, at least one).
    """
    try:
        answers = client.ServerInfo(max(1, round(timeout_s)))
    except RuntimeError as error:
        raise TimeoutError(f"no replay server answered within {timeout_s:g} s") from error
    return dict(_table_state(answer) for answer in answers)


def timed_out(error: RuntimeError) -> bool:
    """Whether a flush raised ``error`` because it timed out."""
    return "Timeout exceeded" in str(error) or "Deadline Exceeded" in str(error)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ReverbUnavailable(f"package {package!r} is listed as installed but has no files")
    return Path(spec.submodule_search_locations[0])


def _table_state(message: bytes) -> tuple[str, TableState]:
    """Read a serialized ``TableInfo`` (reverb/cc/schema.proto): its Python class needs all of TF.

    Field numbers: name 8, max_size 3, max_times_sampled 4, rate_limiter_info 5, current_size 7.
    In rate_limiter_info: samples_per_insert 1, min_diff 2, max_diff 3, min_size_to_sample 4,
    insert_stats 5 and sample_stats 6, each with completed 2.
    """
    table = fields(message)
    limiter = fields(table.get(5, b""))
    state = TableState(
        size=table.get(7, 0),
        max_items=table.get(3, 0),
        max_times_sampled=table.get(4, 0),
        inserted=fields(limiter.get(5, b"")).get(2, 0),
        sampled=fields(limiter.get(6, b"")).get(2, 0),
        samples_per_insert=limiter.get(1, 0.0),
        min_size_to_sample=limiter.get(4, 0),
        min_diff=limiter.get(2, 0.0),
        max_diff=limiter.get(3, 0.0),
    )
    return table[8].decode(), state


def fields(message: bytes) -> dict[int, Any]:
    """Field number -> value of a protocol-buffer message: ints, doubles, or bytes."""
    return dict(_walk(message))


def repeated_fields(message: bytes, number: int) -> list[Any]:
    """All values of one field that may be repeated."""
    return [value for field, value in _walk(message) if field == number]


def _walk(message: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        value: Any
        if kind == 0:
            value, at = _varint(message, at)
        elif kind == 1:
            (value,) = struct.unpack_from("<d", message, at)
            at += 8
        elif kind == 2:
            length, at = _varint(message, at)
            value = message[at : at + length]
            at += length
        else:
            value, at = message[at : at + 4], at + 4
        yield key >> 3, value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value - (1 << 64) if value >> 63 else value, at
