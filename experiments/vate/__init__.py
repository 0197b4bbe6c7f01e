"""Experiments of "Variational Task Embeddings for Fast Adaptation in Deep RL" (VATE)."""

from __future__ import annotations

from skill_train.experiments.spec import with_measured
from skill_train.experiments.vate import grid, locomotion, point_robot
from skill_train.experiments.vate.measured import MEASURED

EXPERIMENTS = with_measured(
    (*grid.EXPERIMENTS, *point_robot.EXPERIMENTS, *locomotion.EXPERIMENTS), MEASURED
)
