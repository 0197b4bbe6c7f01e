"""The items of a checkpoint that Reverb wrote, read from its files alone, without a server.

A checkpoint is three streams of protocol-buffer records (reverb/cc/schema.proto), each a zlib
stream of TFRecords. An item names its table, when it was inserted, and the chunk that holds its
data; our writer makes one chunk of one column for each item (`replay.writer`). Reverb itself gives
items only at random and as far as a table's limiter lets it, so a server is no way to read all.
"""

from __future__ import annotations

import struct
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from skill_train.replay.reverb_native import fields, repeated_fields

_BLOCK = 1 << 22
_UINT8 = 4
"""TensorFlow's number for uint8."""


def read_items(folder: Path, shapes: dict[str, tuple[int, int]]) -> dict[str, np.ndarray]:
    """Items ``uint8 [n, T+1, row_bytes]`` by table name, the oldest first.

    ``shapes`` has ``(T+1, row_bytes)`` of every table. Raises ValueError where the files are
    damaged, or hold items of another shape or of an unknown table.
    """
    try:
        return _read(Path(folder), shapes)
    except (OSError, zlib.error, struct.error, IndexError, KeyError) as error:
        raise ValueError(f"{folder} is not a checkpoint that Reverb wrote: {error}") from error


def _read(folder: Path, shapes: dict[str, tuple[int, int]]) -> dict[str, np.ndarray]:
    inserted: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for record in _records(folder / "items.tfrecord"):
        item = fields(record)  # key 1, table 2, inserted_at 7, flat_trajectory 8
        at = fields(item[7])
        column = fields(fields(item[8])[1])
        chunk = fields(column[1])[1] % (1 << 64)
        inserted[item[2].decode()].append((at.get(1, 0), at.get(2, 0), chunk))
    place: dict[int, list[tuple[str, int]]] = defaultdict(list)
    tables = {}
    for name, items in inserted.items():
        if name not in shapes:
            raise ValueError(
                f"{folder} holds a table {name!r}, which is not among {sorted(shapes)}"
            )
        for index, (_, _, chunk) in enumerate(sorted(items)):
            place[chunk].append((name, index))
        tables[name] = np.empty((len(items), *shapes[name]), np.uint8)
    for record in _records(folder / "chunks.tfrecord"):
        chunk = fields(record)  # key 1, data 5
        for name, index in place.pop(chunk[1] % (1 << 64), ()):
            tables[name][index] = _tensor(fields(chunk[5])[1], shapes[name])
    if place:
        raise ValueError(f"{folder} lacks the data of {len(place)} of its items")
    return tables


def _tensor(message: bytes, shape: tuple[int, int]) -> np.ndarray:
    """A TensorProto (dtype 1, shape 2, tensor_content 4) that Reverb compressed with snappy."""
    import pyarrow

    tensor = fields(message)
    held = tuple(fields(size).get(1, 0) for size in repeated_fields(tensor[2], 2))
    if tensor[1] != _UINT8 or held != (1, *shape):
        raise ValueError(
            f"an item has shape {held[1:]} of type {tensor[1]}; expected uint8 {shape}"
        )
    data = pyarrow.decompress(
        tensor[4], decompressed_size=shape[0] * shape[1], codec="snappy", asbytes=True
    )
    return np.frombuffer(data, np.uint8).reshape(shape)


def _records(path: Path) -> Iterator[bytes]:
    """The TFRecords of a file: length (8 bytes), its checksum (4), the record, its checksum (4)."""
    buffer, at = bytearray(), 0
    for block in _inflated(path):
        buffer += block
        while len(buffer) - at >= 12:
            (length,) = struct.unpack_from("<Q", buffer, at)
            if len(buffer) - at < 16 + length:
                break
            yield bytes(buffer[at + 12 : at + 12 + length])
            at += 16 + length
        del buffer[:at]
        at = 0
    if buffer:
        raise ValueError(f"{path} ends in the middle of a record")


def _inflated(path: Path) -> Iterator[bytes]:
    inflate: Any = zlib.decompressobj()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield inflate.decompress(block)
    yield inflate.flush()
