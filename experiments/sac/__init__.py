"""Experiments of plain soft actor-critic."""

from __future__ import annotations

from skill_train.experiments.sac import gymnasium_task, reacher

EXPERIMENTS = (*gymnasium_task.EXPERIMENTS, *reacher.EXPERIMENTS)
