"""Experiments of "Exploiting Hierarchy for Learning and Transfer in KL-regularized RL"."""

from __future__ import annotations

from experiments.hierarchical_kl import grid, regimes, speedup

EXPERIMENTS = (*speedup.EXPERIMENTS, *regimes.EXPERIMENTS, *grid.EXPERIMENTS)
