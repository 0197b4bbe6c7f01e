"""One table in memory: a ring of packed items, a limiter, a random generator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from skill_train.replay.backend import TableInfo
from skill_train.replay.limiter import Limiter
from skill_train.replay.tables import TableSpec

_FIRST_ITEMS = 64


class MemoryTable:
    """Items of one concrete table, ``uint8 [T+1, row_bytes]`` each.

    The ring grows by doubling, so that memory follows what was written. The oldest item makes
    room for the newest; a queue never has to, as its limiter stops the writer first.
    """

    def __init__(
        self, spec: TableSpec, limiter: Limiter, row_bytes: int, seed: np.random.SeedSequence
    ) -> None:
        self._spec = spec
        self._limiter = limiter
        self._rng = np.random.default_rng(seed)
        first = min(_FIRST_ITEMS, spec.max_items)
        self._ring = np.empty((first, spec.length + 1, row_bytes), np.uint8)
        self._oldest = 0
        self._size = 0
        self._inserted = 0
        self._sampled = 0

    def info(self) -> TableInfo:
        """Items held, inserted and sampled so far."""
        return TableInfo(self._size, self._spec.max_items, self._inserted, self._sampled)

    def insert(self, items: np.ndarray) -> int:
        """Take the first items of ``uint8 [n, T+1, row_bytes]``; returns the number taken."""
        count = 0
        while count < len(items):
            # One round may make the next one possible or not: min_items counts while filling.
            allowed = self._limiter.may_insert(self._size, self._inserted, self._sampled)
            part = items[count : count + min(allowed, self._spec.max_items)]
            if not len(part):
                break
            self._put(part)
            count += len(part)
        return count

    def can_give(self, count: int) -> bool:
        """Whether `sample` may draw ``count`` items now."""
        if self._spec.use_once and count > self._size:
            return False
        return count <= self._limiter.may_sample(self._size, self._inserted, self._sampled)

    def sample(self, count: int) -> np.ndarray:
        """Draw ``uint8 [count, T+1, row_bytes]``, a copy; allowed only where `can_give` is true.

        A queue gives its oldest items and forgets them; other tables draw uniformly, with
        replacement.
        """
        if self._spec.use_once:
            drawn = self._ring[(self._oldest + np.arange(count)) % len(self._ring)]
            self._oldest = (self._oldest + count) % len(self._ring)
            self._size -= count
        else:
            index = self._rng.integers(0, self._size, count)
            drawn = self._ring[(self._oldest + index) % len(self._ring)]
        self._sampled += count
        return drawn

    def save(self, path: Path) -> dict[str, Any]:
        """Write the items to the ``.npy`` file ``path``; returns the other state, for JSON."""
        np.save(path, self._in_order(), allow_pickle=False)
        return {
            "inserted": self._inserted,
            "sampled": self._sampled,
            "random_state": self._rng.bit_generator.state,
        }

    def load(self, path: Path, state: dict[str, Any]) -> None:
        """Restore the table that `save` wrote."""
        items = np.load(path, allow_pickle=False)
        self._size = len(items)
        self._oldest = 0
        capacity = min(max(self._size, _FIRST_ITEMS), self._spec.max_items)
        self._ring = np.empty((capacity, *self._ring.shape[1:]), np.uint8)
        self._ring[: self._size] = items
        self._inserted = state["inserted"]
        self._sampled = state["sampled"]
        self._rng.bit_generator.state = state["random_state"]

    def _put(self, items: np.ndarray) -> None:
        self._reserve(self._size + len(items))
        capacity = len(self._ring)
        start = self._oldest + self._size
        self._ring[(start + np.arange(len(items))) % capacity] = items
        surplus = max(self._size + len(items) - capacity, 0)
        self._oldest = (self._oldest + surplus) % capacity
        self._size += len(items) - surplus
        self._inserted += len(items)

    def _reserve(self, size: int) -> None:
        capacity = len(self._ring)
        if size <= capacity or capacity == self._spec.max_items:
            return
        capacity = min(max(2 * capacity, size), self._spec.max_items)
        grown = np.empty((capacity, *self._ring.shape[1:]), np.uint8)
        grown[: self._size] = self._in_order()
        self._ring = grown
        self._oldest = 0

    def _in_order(self) -> np.ndarray:
        if self._oldest + self._size <= len(self._ring):
            return self._ring[self._oldest : self._oldest + self._size]
        return self._ring[(self._oldest + np.arange(self._size)) % len(self._ring)]


def table_file(index: int) -> str:
    """The file name of table number ``index`` in the folder of a saved replay."""
    return f"table-{index}.npy"
