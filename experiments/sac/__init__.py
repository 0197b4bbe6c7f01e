"""Experiments of plain soft actor-critic."""

from __future__ import annotations

from skill_train.experiments.sac import reacher

EXPERIMENTS = reacher.EXPERIMENTS
