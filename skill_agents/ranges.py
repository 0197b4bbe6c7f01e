"""Types for the numbers of a config, each with the range that it can have.

    gamma: Share = 0.99

To a type checker, and on the command line, a `Share` is a float; `cluster.plan.ranges` refuses a
value outside its range before a run begins. A config of another package uses these, or a `Range` of
its own: ``angle: Annotated[float, Range("from 0 to 90", 0, 90)]``.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class Range:
    """What a number can be, or each number of a tuple."""

    words: str
    """As in "must be from 0 to 1"."""
    least: float = -sys.float_info.max
    most: float = sys.float_info.max
    """Infinity itself only where this is infinite."""
    beyond_least: bool = False
    """Whether ``least`` itself is out of range."""

    def demand(self, value: float) -> str | None:
        """What ``value`` would have to be, in words; None where it lies in the range."""
        above = value > self.least if self.beyond_least else value >= self.least
        if above and value <= self.most:
            return None
        return "a finite number" if value in (math.inf, -math.inf) else self.words


FINITE = Range("a finite number")
"""That of a number whose type says nothing."""

Count = Annotated[int, Range("at least 1", 1)]
"""A size or an amount of things."""
Sizes = tuple[Count, ...]
"""Of a network's hidden layers."""
Index = Annotated[int, Range("at least 0", 0)]
"""A place in an order: a moment, or one of several."""
Share = Annotated[float, Range("from 0 to 1", 0, 1)]
NonNegative = Annotated[float, Range("at least 0", 0)]
Positive = Annotated[float, Range("above 0", 0, beyond_least=True)]
PositiveOrInf = Annotated[float, Range("above 0", 0, math.inf, beyond_least=True)]
"""Infinity: no limit."""
