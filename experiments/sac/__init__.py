"""Experiments of plain soft actor-critic."""

from __future__ import annotations

from skill_train.experiments.sac import gymnasium_task, reacher
from skill_train.experiments.sac.measured import MEASURED
from skill_train.experiments.spec import with_measured

EXPERIMENTS = with_measured((*gymnasium_task.EXPERIMENTS, *reacher.EXPERIMENTS), MEASURED)
