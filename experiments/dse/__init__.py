"""Experiments of "Disentangled Skill Embeddings for Reinforcement Learning"."""

from __future__ import annotations

from skill_train.experiments.collect import experiments_of
from skill_train.experiments.dse.measured import MEASURED
from skill_train.experiments.spec import with_measured

EXPERIMENTS = with_measured(
    experiments_of(
        __name__,
        "cartpole",
        "reacher",
        "skills",
    ),
    MEASURED,
)
