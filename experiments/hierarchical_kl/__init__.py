"""Experiments of "Exploiting Hierarchy for Learning and Transfer in KL-regularized RL"."""

from __future__ import annotations

from skill_train.experiments.collect import experiments_of
from skill_train.experiments.hierarchical_kl.measured import MEASURED
from skill_train.experiments.spec import with_measured

EXPERIMENTS = with_measured(
    experiments_of(
        __name__,
        "quickstart",
        "speedup",
        "quasi_on_policy",
        "task_transfer",
        "body_transfer",
        "latent_prior",
        "small_tasks",
        "small_body_transfer",
        "skills",
        "grid",
    ),
    MEASURED,
)
