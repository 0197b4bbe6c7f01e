"""A table of finished runs: how well each ended, and how soon it was good.

    python benchmarks/summary.py runs/results/*

One row per experiment, all seeds in it. "To 90 %" is the first learner step (and environment
step, in thousands) at which the mean training return of the last 100 episodes reaches 90 % of the
best final return among all the runs given; a dash where it never did. "KL" is KL(pi || pi0) in
nats over the last tenth of the run, "area" the mean training return over the whole run, "final"
the return of the final evaluation; a dash where the task or the agent has no such thing.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cluster.metrics import read_csv
from cluster.run_dir import RunDir


class Row(NamedTuple):
    """One run."""

    experiment: str
    seed: int
    success: float
    final_return: float
    area: float
    kl: float
    curve: list[tuple[float, float, float]]
    """(learner step, environment step, training return)."""


def read(path: Path) -> Row:
    """What a run's metrics say."""
    run = RunDir.open(path)
    table = read_csv(run.path / "metrics.csv")
    returns = table["return_mean"]
    curve = [
        point
        for point in zip(table["learner_steps"], table["env_steps"], returns, strict=True)
        if not math.isnan(point[2])
    ]
    late = [v for v in table.get("kl_nats", [])[-len(returns) // 10 :] if not math.isnan(v)]
    return Row(
        run.config["experiment"],
        run.config["seed"],
        table.get("evaluation_success_ratio", [math.nan])[-1],
        table["evaluation_return_mean"][-1],
        _area(curve),
        sum(late) / len(late) if late else math.nan,
        curve,
    )


def reached(row: Row, level: float) -> tuple[float, float] | None:
    """The first (learner step, environment step) at which training returned ``level``."""
    return next(((step, env) for step, env, value in row.curve if value >= level), None)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description="A table of finished runs.")
    parser.add_argument("runs", type=Path, nargs="+")
    rows = [read(path) for path in parser.parse_args(argv).runs]
    level = 0.9 * max(row.final_return for row in rows)
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: r.seed):
        groups[row.experiment].append(row)
    columns = ("seeds", "final success", "learner steps to 90 % (env, k)", "area", "KL", "final")
    print(f"| experiment | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 1) + "|")
    for name, group in sorted(groups.items(), key=lambda item: -sum(r.area for r in item[1])):
        seeds = ", ".join(str(row.seed) for row in group)
        success = ", ".join(_known(row.success, ".0%") for row in group)
        soon = ", ".join(_steps(reached(row, level)) for row in group)
        area = ", ".join(f"{row.area:.1f}" for row in group)
        kl = ", ".join(_known(row.kl, ".2f") for row in group)
        final = ", ".join(f"{row.final_return:.1f}" for row in group)
        print(f"| {name} | {seeds} | {success} | {soon} | {area} | {kl} | {final} |")


def _area(curve: Sequence[tuple[float, float, float]]) -> float:
    """Mean return over environment steps, by the trapezoid rule."""
    pairs = itertools.pairwise(curve)
    total = sum((b[1] - a[1]) * (a[2] + b[2]) / 2 for a, b in pairs)
    return total / (curve[-1][1] - curve[0][1]) if len(curve) > 1 else math.nan


def _known(value: float, how: str) -> str:
    return "-" if math.isnan(value) else format(value, how)


def _steps(at: tuple[float, float] | None) -> str:
    return "-" if at is None else f"{at[0]:.0f} ({at[1] / 1000:.0f})"


if __name__ == "__main__":
    main()
