"""Types for the numbers of a config, each with its range.

    gamma: Share = 0.99

To a type checker, and on the command line, a `Share` is a float; `cluster.plan.ranges` refuses a
value outside its range before a run begins. A config of another package uses these, or its own
`Range`: ``angle: Annotated[float, Range("from 0 to 90", 0, 90)]``.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class Range:
    """The range of a number, or of each number of a tuple."""

    words: str
    """The range as in "must be from 0 to 1"."""
    least: float = -sys.float_info.max
    most: float = sys.float_info.max
    """The largest number of the range; infinity only if this is infinite."""
    beyond_least: bool = False
    """Whether ``least`` itself is out of range."""

    def demand(self, value: float) -> str | None:
        """The range in words if ``value`` lies outside it, else None."""
        above = value > self.least if self.beyond_least else value >= self.least
        if above and value <= self.most:
            return None
        return "a finite number" if value in (math.inf, -math.inf) else self.words


FINITE = Range("a finite number")
"""The range of a number whose type gives none."""

Count = Annotated[int, Range("at least 1", 1)]
"""A size or an amount of things."""
Sizes = tuple[Count, ...]
"""Sizes of a network's hidden layers."""
Index = Annotated[int, Range("at least 0", 0)]
"""A place in an order: a moment, or one of several."""
Share = Annotated[float, Range("from 0 to 1", 0, 1)]
NonNegative = Annotated[float, Range("at least 0", 0)]
Positive = Annotated[float, Range("above 0", 0, beyond_least=True)]
PositiveOrInf = Annotated[float, Range("above 0", 0, math.inf, beyond_least=True)]
"""A positive limit; infinity is no limit."""
