"""Cutting, against a reference that walks every stream row by row."""

from __future__ import annotations

import numpy as np
import pytest

from skill_train.replay.cutting import Cutter, Items
from skill_train.replay.tables import TableSpec, queue, transitions, trials, windows
from tests.replay.streams import LAYOUT, Streams, schema_of


class Reference:
    """One stream, one table, lists of packed rows."""

    def __init__(self, spec: TableSpec) -> None:
        self.spec = spec
        self.rows: list[tuple[bytes, bool, int]] = []

    def drop(self) -> None:
        self.rows = []

    def append(self, row: bytes, is_first: bool, task: int) -> list[tuple[int, bytes]]:
        """(task, bytes) of the items that this row completes."""
        finished = []
        if self.spec.whole_trial:
            if is_first:
                if len(self.rows) > 1:
                    dead = LAYOUT.zeros()
                    dead["is_first"] = True
                    missing = self.spec.length + 1 - len(self.rows)
                    packed = [r for r, _, _ in self.rows] + [dead.tobytes()] * missing
                    finished.append((self.rows[0][2], b"".join(packed)))
                self.rows = []
            if is_first or self.rows:
                self.rows.append((row, is_first, task))
        else:
            self.rows.append((row, is_first, task))
            begin = len(self.rows) - 1 - self.spec.length
            if begin >= 0 and begin % self.spec.stride == 0:
                window = self.rows[begin:]
                if not all(first for _, first, _ in window[1:]):
                    finished.append((window[0][2], b"".join(r for r, _, _ in window)))
        return finished


def concrete(items: list[Items]) -> list[tuple[str, bytes]]:
    return [
        (table, item.tobytes())
        for each in items
        for table, packed in each.by_table()
        for item in packed
    ]


@pytest.mark.parametrize("offset", [0, 3])
@pytest.mark.parametrize("drops", [False, True])
@pytest.mark.parametrize("actions", [1, 4, 9])
@pytest.mark.parametrize(
    "spec",
    [
        windows("a", 5, 9),
        windows("a", 6, 9, stride=2),
        queue("a", 70, 9, stride=1),
        transitions("a", 9),
        transitions("a", 9, per_task=True),
        trials("a", 9, 9),
        trials("a", 100, 9, per_task=True),
    ],
)
def test_the_reference_cuts_the_same(spec, actions, drops, offset) -> None:
    num_streams = 4
    rng = np.random.default_rng(0)
    streams = Streams(
        num_streams, actions, offset, task=lambda stream, episode: (stream + episode) % 3
    )
    cutter = Cutter(schema_of([spec]), num_streams)
    references = [Reference(spec) for _ in range(num_streams)]
    for _ in range(400):
        step = streams.next()
        rows = LAYOUT.zeros(num_streams)
        for field, leaf in zip(LAYOUT.leaves(LAYOUT.views(rows)), LAYOUT.leaves(step), strict=True):
            field[...] = leaf
        expected = []
        for stream, reference in enumerate(references):
            finished = reference.append(
                rows[stream].tobytes(), bool(step.is_first[stream]), int(step.task[stream])
            )
            expected += [(f"a/{t}" if spec.per_task else "a", item) for t, item in finished]
        got = concrete(cutter.append(step))
        # The tables of different tasks have no order among each other.
        assert sorted(got, key=lambda e: e[0]) == sorted(expected, key=lambda e: e[0])
        if drops and rng.random() < 0.05:
            stream = int(rng.integers(num_streams))
            cutter.drop(stream)
            streams.restart(stream)
            references[stream].drop()


def test_several_tables_are_cut_from_the_same_rows() -> None:
    specs = [trials("once", 8, 9, use_once=True), trials("all", 8, 9), transitions("t", 9)]
    cutter, streams = Cutter(schema_of(specs), 2), Streams(2, actions=8)
    items = [items for _ in range(19) for items in cutter.append(streams.next())]
    count = {spec.name: sum(len(i.rows) for i in items if i.spec is spec) for spec in specs}
    assert count == {"once": 4, "all": 4, "t": 32}


def test_items_are_copies() -> None:
    cutter, streams = Cutter(schema_of([windows("w", 2, 9)]), 1), Streams(1, actions=9999)
    first = None
    for _ in range(500):
        for items in cutter.append(streams.next()):
            first = items if first is None else first
    assert list(LAYOUT.unpack(first.rows)["observation/id"][0, :, 2]) == [0, 1, 2]


def test_a_trial_that_outgrows_its_table_is_named() -> None:
    cutter, streams = Cutter(schema_of([trials("e", 4, 9)]), 2), Streams(2, actions=5, offset=3)
    with pytest.raises(ValueError, match="'e'.*stream 0 .* 5 rows of max_length 4"):
        for _ in range(20):
            cutter.append(streams.next())


def test_rows_before_a_first_row_belong_to_no_trial() -> None:
    cutter, streams = Cutter(schema_of([trials("e", 7, 9)]), 1), Streams(1, actions=7)
    streams.next()
    items = [items for _ in range(16) for items in cutter.append(streams.next())]
    (only,) = items
    assert LAYOUT.unpack(only.rows)["observation/id"][0, 0, 2] == 8
