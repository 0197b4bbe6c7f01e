"""Metrics of finished runs, for figures."""

from __future__ import annotations

from skill_train.cluster.errors import RunError
from skill_train.cluster.loop.metrics import read_csv
from skill_train.cluster.store.run_dir import RunDir


def of(run: RunDir, *needed: str) -> dict[str, list[float]]:
    """Columns of the run's metrics by name; raises RunError where one of ``needed`` is missing."""
    table = read_csv(run.path / "metrics.csv")
    for name in needed:
        if not table.get(name):
            raise RunError(f"{run.path} has no {name} in its metrics, which this figure needs")
    return table
