"""Experiments of "Variational Task Embeddings for Fast Adaptation in Deep RL" (VATE)."""

from __future__ import annotations

from skill_train.experiments.collect import experiments_of
from skill_train.experiments.spec import with_measured
from skill_train.experiments.vate.measured import MEASURED

EXPERIMENTS = with_measured(
    experiments_of(
        __name__,
        "grid",
        "point_robot",
        "locomotion",
    ),
    MEASURED,
)
