"""Experiments of "Variational Task Embeddings for Fast Adaptation in Deep RL" (VATE)."""

from __future__ import annotations

from skill_train.experiments.vate import presets

EXPERIMENTS = presets.EXPERIMENTS
