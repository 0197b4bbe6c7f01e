"""The row's packed form."""

from __future__ import annotations

import numpy as np
import pytest

from skill_train.replay.step import ArraySpec, RowLayout, step_spec
from tests.replay.streams import LAYOUT, Streams


def test_time_major_gives_back_every_field() -> None:
    rng = np.random.default_rng(0)
    packed = rng.integers(0, 2, (3, 4, 5, LAYOUT.row_bytes), np.uint8)
    rows = LAYOUT.unpack(packed)
    batch = LAYOUT.time_major(packed)
    expected = LAYOUT.leaves(LAYOUT.views(rows))
    for leaf, field in zip(LAYOUT.leaves(batch), expected, strict=True):
        assert leaf.flags.aligned and leaf.dtype == field.dtype
        np.testing.assert_array_equal(leaf, np.moveaxis(field, 2, 0))


def test_packing_is_undone_by_unpacking() -> None:
    rows = LAYOUT.zeros(2, 3)
    rows["action"] = 2**40
    assert LAYOUT.pack(rows).shape == (2, 3, LAYOUT.row_bytes)
    np.testing.assert_array_equal(LAYOUT.unpack(LAYOUT.pack(rows)), rows)


def test_other_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="other observations"):
        LAYOUT.unpack(np.zeros((2, LAYOUT.row_bytes + 1), np.uint8))
    other = RowLayout(step_spec({"other": ArraySpec((3,))}, ArraySpec(()), {}))
    with pytest.raises(ValueError, match="observation"):
        other.leaves(Streams(1).next())


def test_a_row_is_changed_leaf_by_leaf() -> None:
    """Every leaf once, groups and extras by name."""
    rows = LAYOUT.views(LAYOUT.zeros(4, 2))
    shapes = rows.map(lambda leaf: leaf[1:].shape)
    assert shapes.observation == {"id": (3, 2, 3), "pixels": (3, 2, 2, 2)}
    assert shapes.extras == {"log_mu": (3, 2)}
    assert shapes[1:-1] == ((3, 2),) * 6


def test_a_row_is_valid_where_the_next_one_is_not_first() -> None:
    rows = LAYOUT.views(LAYOUT.zeros(4))._replace(is_first=np.array([True, False, True, False]))
    assert rows.valid().tolist() == [True, False, True]
