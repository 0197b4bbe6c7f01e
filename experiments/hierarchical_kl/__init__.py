"""Experiments of "Exploiting Hierarchy for Learning and Transfer in KL-regularized RL"."""

from __future__ import annotations

from experiments.hierarchical_kl import grid, speedup

EXPERIMENTS = (*speedup.EXPERIMENTS, *grid.EXPERIMENTS)
