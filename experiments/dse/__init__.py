"""Experiments of "Disentangled Skill Embeddings for Reinforcement Learning"."""

from __future__ import annotations

from skill_train.experiments.dse import cartpole, reacher, skills

EXPERIMENTS = (*cartpole.EXPERIMENTS, *reacher.EXPERIMENTS, *skills.EXPERIMENTS)
