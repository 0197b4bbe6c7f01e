"""The rate limiter of a table: how many items it may take and give, in both back ends.

With ``error = inserted * samples_per_insert - sampled``, a table gives n items when it holds at
least ``min_items`` and ``error - n >= min_diff``; it takes n when it holds fewer than
``min_items`` or when ``error + n * samples_per_insert <= max_diff``. These are Reverb's own rules.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from skill_train.replay.tables import TableSpec

UNLIMITED = sys.float_info.max


class Limiter(NamedTuple):
    """The limiter of one table; counts are items."""

    samples_per_insert: float
    min_items: int
    min_diff: float
    max_diff: float

    def may_insert(self, size: int, inserted: int, sampled: int) -> int:
        """The number of items that the table takes now."""
        free = self.min_items - size
        if self.max_diff < UNLIMITED:
            allowed = (self.max_diff + sampled) / self.samples_per_insert - inserted
            # Rounding must not make 3 out of 2.999...: the limit would drift from Reverb's.
            return max(free, int(allowed + 1e-9), 0)
        return sys.maxsize

    def may_sample(self, size: int, inserted: int, sampled: int) -> int:
        """The number of items that the table gives now."""
        if size < self.min_items:
            return 0
        if self.min_diff > -UNLIMITED:
            error = inserted * self.samples_per_insert - sampled
            return max(int(error - self.min_diff + 1e-9), 0)
        return sys.maxsize


def table_limiter(spec: TableSpec, batch: int, ahead: int) -> Limiter:
    """The limiter of a table from which readers take ``batch`` items at a time.

    ``ahead`` is the number of items that readers may hold before the learner gets them. A queue may
    run ``max_items`` ahead of its reader. A ratio may be off by
    ``ahead + batch + 2 * max(1, ratio)`` items either way: less could leave writers and readers
    waiting for each other.

    Raises ValueError if the table could never give a batch.
    """
    if spec.use_once:
        if spec.samples_per_insert is not None:
            raise ValueError(
                f"table {spec.name!r}: use_once draws every item once, so samples_per_insert "
                "must be None"
            )
        if spec.max_items < batch:
            raise ValueError(
                f"table {spec.name!r}: a queue of max_items {spec.max_items} cannot give a batch "
                f"of {batch}; max_items must be at least the batch size"
            )
        return Limiter(1.0, 1, 0.0, float(spec.max_items))
    if spec.samples_per_insert is None:
        return Limiter(1.0, spec.min_items, -UNLIMITED, UNLIMITED)
    ratio = float(spec.samples_per_insert)
    offset = ratio * spec.min_items
    slack = ahead + batch + 2.0 * max(1.0, ratio)
    return Limiter(ratio, spec.min_items, offset - slack, offset + slack)
