"""The check that a stage's numbers are in the ranges of their fields' types."""

from __future__ import annotations

from skill_train.cluster.errors import RunError
from skill_train.cluster.plan import overrides
from skill_train.experiments.spec import Stage


def check(stage: Stage) -> None:
    """Raise RunError naming the first field out of range; see `skill_agents.ranges`."""
    for name, field in overrides.fields(stage).items():
        for one in field.value if isinstance(field.value, tuple) else (field.value,):
            if isinstance(one, bool) or not isinstance(one, int | float):
                continue
            demand = field.range.demand(one)
            if demand is not None:
                raise RunError(f"--{name} must be {demand}, not {field.value}")
