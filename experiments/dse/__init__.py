"""Experiments of "Disentangled Skill Embeddings for Reinforcement Learning"."""

from __future__ import annotations

from skill_train.experiments.dse import cartpole, reacher, skills
from skill_train.experiments.dse.measured import MEASURED
from skill_train.experiments.spec import with_measured

EXPERIMENTS = with_measured(
    (*cartpole.EXPERIMENTS, *reacher.EXPERIMENTS, *skills.EXPERIMENTS), MEASURED
)
