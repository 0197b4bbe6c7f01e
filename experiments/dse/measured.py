"""The measured results of DSE: benchmarks/results/dse.md and dse_reacher.md."""

from __future__ import annotations

from skill_train.experiments.spec import Measured


def _cartpole(result: str, seeds: int) -> Measured:
    return Measured(result, seeds, "dse.md")


def _reacher(result: str, seeds: int, env_steps: int | None = None) -> Measured:
    return Measured(result, seeds, "dse_reacher.md", env_steps)


MEASURED = {
    "dse/cartpole-3x3": _cartpole("return 275", 4),
    "dse/cartpole-3x3-single": _cartpole("return 274", 3),
    "dse/cartpole-3x3-distral": _cartpole("return 276", 3),
    "dse/cartpole-3x3-independent": _cartpole("return 270", 3),
    "dse/cartpole-6-3": _cartpole("return 234 on unseen tasks", 5),
    "dse/cartpole-6-3-single": _cartpole("return 153 on unseen tasks", 5),
    "dse/cartpole-4-5": _cartpole("return 161 on unseen tasks", 5),
    "dse/cartpole-4-5-single": _cartpole("return 136 on unseen tasks", 5),
    "dse/cartpole-6-3-retrain": _cartpole("return 273", 3),
    "dse/cartpole-6-3-retrain-embeddings": _cartpole("return 275", 2),
    "dse/cartpole-6-3-single-retrain": _cartpole("return 263", 3),
    "dse/cartpole-unseen": _cartpole("return 258", 4),
    "dse/reacher-3x3": _reacher("return -3.4", 3),
    "dse/reacher-3x3-single": _reacher("return -1.7", 3),
    "dse/reacher-3x3-independent": _reacher("return 1.6", 3),
    "dse/reacher-6-3": _reacher("return -19.3 on unseen tasks", 3, 96_000),
    "dse/reacher-6-3-single": _reacher("return -22.3 on unseen tasks", 3, 96_000),
    "dse/reacher-4-5": _reacher("return -24.3 on unseen tasks", 1, 64_000),
    "dse/reacher-4-5-single": _reacher("return -26.6 on unseen tasks", 1, 64_000),
    "dse/asteroid-1": _reacher("return 1001", 3, 700_000),
    "dse/asteroid-1-flat": _reacher("return 269", 3, 700_000),
    "dse/asteroid-2": _reacher("return 410", 3, 1_500_000),
    "dse/asteroid-2-flat": _reacher("return 249", 3, 1_500_000),
    "dse/moving-goal": _reacher("return -21.3", 1, 15_000),
    "dse/moving-goal-flat": _reacher("return -12.6", 1, 15_000),
}
