"""The measured results of plain SAC: benchmarks/results/sac.md."""

from __future__ import annotations

from skill_train.experiments.spec import Measured

MEASURED = {
    "sac/reacher": Measured("return 3.6", 1, "sac.md"),
    "sac/reacher-offline": Measured("return 4.8", 1, "sac.md"),
}
