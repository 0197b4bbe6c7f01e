"""What no field of a stage can be, whatever the experiment: told before anything is started."""

from __future__ import annotations

from typing import Any

from cluster import overrides
from cluster.errors import RunError
from experiments.spec import Stage

FROM_ZERO = {"begin", "dynamics", "tasks"}
"""Whole numbers that are no amounts: moments and indices."""
SHARES = {"gamma", "trace", "gae-lambda", "success-rate"}


def check(stage: Stage) -> None:
    """Raises RunError for what would fail later.

    That is an amount or a size below 1, a learning rate not above 0, a share not from 0 to 1, and
    what is not a number.
    """
    for name, (_, value) in overrides.fields(stage).items():
        allowed = _allowed(name.rpartition(".")[2], value)
        if allowed is not None:
            raise RunError(f"--{name} must be {allowed}, not {value}")


def _allowed(field: str, value: Any) -> str | None:
    """What ``value`` would have to be, or None if it is fine."""
    numbers = value if isinstance(value, tuple) else (value,)
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float):
            continue
        if number != number:
            return "a number"
        if field in SHARES and not 0.0 <= number <= 1.0:
            return "from 0 to 1"
        if field.endswith("learning-rate") and number <= 0.0:
            return "above 0"
        least = 0 if field in FROM_ZERO else 1
        if isinstance(number, int) and field not in SHARES and number < least:
            return f"at least {least}"
    return None
