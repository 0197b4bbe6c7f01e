"""Experiments of plain soft actor-critic."""

from __future__ import annotations

from skill_train.experiments.collect import experiments_of
from skill_train.experiments.sac.measured import MEASURED
from skill_train.experiments.spec import with_measured

EXPERIMENTS = with_measured(
    experiments_of(
        __name__,
        "gymnasium_task",
        "reacher",
    ),
    MEASURED,
)
