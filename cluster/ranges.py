"""What no field of a stage can be, whatever the experiment: told before anything is started."""

from __future__ import annotations

import math
from typing import Any

from skill_train.cluster import overrides
from skill_train.cluster.errors import RunError
from skill_train.experiments.spec import Stage

FROM_ZERO = {"begin", "dynamics", "tasks"}
"""Whole numbers that are no amounts: moments and indices."""
ABOVE_ZERO = ("learning-rate", "-limit", "seconds-per-publish")
TIMES = {"minutes", "seconds-per-publish", "every-minutes"}
SHARES = {"gamma", "trace", "gae-lambda", "success-rate"}


def check(stage: Stage) -> None:
    """Raises RunError for what would fail later.

    That is an amount or a size below 1, a learning rate, a limit or a time not above 0, a share
    not from 0 to 1, a time without end, and what is not a number.
    """
    for name, (_, value) in overrides.fields(stage).items():
        for one in value if isinstance(value, tuple) else (value,):
            allowed = _allowed(name.rpartition(".")[2], one)
            if allowed is not None:
                raise RunError(f"--{name} must be {allowed}, not {value}")


def _allowed(field: str, value: Any) -> str | None:
    """What ``value`` would have to be, or None if it is fine."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if math.isnan(value) or (math.isinf(value) and field in TIMES):
        return "a finite number"
    if field in SHARES:
        return None if 0.0 <= value <= 1.0 else "from 0 to 1"
    above_zero = field == "minutes" or field.endswith(ABOVE_ZERO)
    if above_zero and value <= 0.0:
        return "above 0"
    if field == "every-minutes" and value < 0.0:
        return "at least 0"
    least = 0 if field in FROM_ZERO else 1
    return f"at least {least}" if isinstance(value, int) and value < least else None
