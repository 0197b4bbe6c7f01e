"""Experiments of "Exploiting Hierarchy for Learning and Transfer in KL-regularized RL"."""

from __future__ import annotations

from skill_train.experiments.hierarchical_kl import (
    body_transfer,
    grid,
    latent_prior,
    quasi_on_policy,
    quickstart,
    skills,
    small_body_transfer,
    small_tasks,
    speedup,
    task_transfer,
)
from skill_train.experiments.hierarchical_kl.measured import MEASURED
from skill_train.experiments.spec import with_measured

EXPERIMENTS = with_measured(
    (
        *quickstart.EXPERIMENTS,
        *speedup.EXPERIMENTS,
        *quasi_on_policy.EXPERIMENTS,
        *task_transfer.EXPERIMENTS,
        *body_transfer.EXPERIMENTS,
        *latent_prior.EXPERIMENTS,
        *small_tasks.EXPERIMENTS,
        *small_body_transfer.EXPERIMENTS,
        *skills.EXPERIMENTS,
        *grid.EXPERIMENTS,
    ),
    MEASURED,
)
