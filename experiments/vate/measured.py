"""The measured results of VATE: benchmarks/results/vate.md."""

from __future__ import annotations

from skill_train.experiments.spec import Measured


def _measured(result: str, seeds: int, env_steps: int | None = None) -> Measured:
    return Measured(result, seeds, "vate.md", env_steps)


MEASURED = {
    "vate/grid": _measured("return 25.7 of 26.1", 3),
    "vate/grid-past-only": _measured("return 25.4 of 26.1", 3),
    "vate/grid-rl2-10": _measured("return 25.2 of 26.1", 3),
    "vate/grid-rl2-64": _measured("return 25.4 of 26.1", 3),
    "vate/point-robot": _measured("return -18.0", 1, 400_000),
}
