"""The rows of a saved replay as whole episodes, from a folder that either back end wrote.

Items overlap: a window or a transition begins with the rows that the one before it ends with. So
the items of a table are put back into the streams that they were cut from by matching these rows,
byte for byte, and the streams are cut into episodes.
"""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from skill_train.replay.memory_table import table_file
from skill_train.replay.record import read_kind
from skill_train.replay.reverb_checkpoint import read_items
from skill_train.replay.schema import Schema
from skill_train.replay.step import Step
from skill_train.replay.tables import TableSpec


def saved_episodes(folder: Path, schema: Schema) -> Iterator[Step]:
    """Episodes of a saved replay, as rows ``[L+1, ...]``; ``schema`` is that of the run it is of.

    A use-once table keeps nothing; the first of the other tables is read. Where the oldest rows of
    an episode are gone, or the newest were not written yet, the rows that are left count as an
    episode that was cut short.

    Raises ValueError if the folder is damaged, is of a run with other rows, or keeps nothing.
    """
    kept = [table for table in schema.tables if not table.use_once]
    if not kept:
        raise ValueError(
            f"{folder} keeps no rows: all tables of its run forget an item once it is learned from"
        )
    items = _items(folder, schema)
    found = False
    for table in schema.concrete(kept[0]):
        for packed in _streams(kept[0], items.get(table.name)):
            for rows in _episodes(schema.layout.unpack(packed)):
                found = True
                yield schema.layout.views(rows).map(np.array)
    if not found:
        raise ValueError(f"{folder} holds no rows")


def _items(folder: Path, schema: Schema) -> dict[str, np.ndarray]:
    """Items ``uint8 [n, T+1, row_bytes]`` of each concrete table by name, the oldest first."""
    kind, names = read_kind(folder, schema.layout)
    tables = [table for spec in schema.tables for table in schema.concrete(spec)]
    shapes = {t.name: (t.length + 1, schema.layout.row_bytes) for t in tables}
    if kind == "reverb":
        return read_items(Path(folder) / "reverb", shapes)
    paths = [Path(folder) / table_file(index) for index in range(len(names))]
    return {n: np.load(p, allow_pickle=False) for n, p in zip(names, paths, strict=True)}


def _streams(spec: TableSpec, items: np.ndarray | None) -> Iterator[np.ndarray]:
    """Streams of rows ``uint8 [R, row_bytes]`` that followed each other, each row once."""
    if items is None:
        return
    overlap = spec.length + 1 - spec.stride
    if spec.whole_trial or overlap < 1:
        yield from items
        return
    following = _following(items, overlap)
    second = set(following.values())
    for head in range(len(items)):
        if head in second:
            continue
        parts, index = [items[head]], following.get(head)
        while index is not None:
            parts.append(items[index, overlap:])
            index = following.get(index)
        yield np.concatenate(parts)


def _following(items: np.ndarray, overlap: int) -> dict[int, int]:
    """For the index of an item: that of the later item whose first rows are its last rows."""
    starts: dict[bytes, deque[int]] = defaultdict(deque)
    for index, item in enumerate(items):
        starts[item[:overlap].tobytes()].append(index)
    following = {}
    for index, item in enumerate(items):
        later = starts.get(item[-overlap:].tobytes())
        while later and later[0] <= index:
            later.popleft()
        if later:
            following[index] = later.popleft()
    return following


def _episodes(rows: np.ndarray) -> Iterator[np.ndarray]:
    """Structured ``rows [R]`` cut before each first row; padding, and single rows, are left out."""
    firsts = np.flatnonzero(rows["is_first"])
    bounds = [0, *(first for first in firsts if first > 0), len(rows)]
    for begin, end in itertools.pairwise(bounds):
        if end - begin > 1:
            yield rows[begin:end]
