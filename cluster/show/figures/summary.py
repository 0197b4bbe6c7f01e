"""A table of finished runs: their final returns, and the steps to 90 % of the best.

    skill-train figure summary runs/results/*

One row per experiment, all seeds in it. "To 90 %" is the first learner step (and environment
step, in thousands) at which the mean training return of the last 100 episodes reaches 90 % of the
best final return among all the runs given; a dash where it never did. Where returns are negative
this is meaningless: ``--success 0.9`` takes the success rate of those episodes instead. "KL" is
KL(pi || pi0) in nats over the last tenth of the run, "area" the mean training return over the whole
run, "final" the return of the final evaluation; a dash where the task or the agent has none.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from skill_train.cluster.show.figures import metrics
from skill_train.cluster.store.run_dir import RunDir


class Point(NamedTuple):
    """The mean of the last training episodes at one moment of a run."""

    learner_step: float
    env_step: float
    return_: float
    success: float
    """NaN where the task has no notion of success."""


class Row(NamedTuple):
    """One run's numbers for the table."""

    experiment: str
    seed: int
    success: float
    final_return: float
    area: float
    kl: float
    curve: list[Point]


def read(path: str) -> Row:
    """Read a run's metrics; raises RunError where the run was never evaluated."""
    run = RunDir.open(path)
    table = metrics.of(run, "return_mean", "evaluation_return_mean")
    returns = table["return_mean"]
    columns = (table["learner_steps"], table["env_steps"], returns)
    success = table.get("success_ratio", [math.nan] * len(returns))
    points = itertools.starmap(Point, zip(*columns, success, strict=True))
    curve = [point for point in points if not math.isnan(point.return_)]
    late = [v for v in table.get("kl_nats", [])[-len(returns) // 10 :] if not math.isnan(v)]
    return Row(
        run.config.experiment,
        run.config.seed,
        table.get("evaluation_success_ratio", [math.nan])[-1],
        table["evaluation_return_mean"][-1],
        _area(curve),
        sum(late) / len(late) if late else math.nan,
        curve,
    )


def reached(row: Row, level: float) -> Point | None:
    """The first moment at which training episodes returned ``level``."""
    return next((point for point in row.curve if point.return_ >= level), None)


def succeeded(row: Row, ratio: float) -> Point | None:
    """The first moment at which ``ratio`` of the training episodes succeeded."""
    return next((point for point in row.curve if point.success >= ratio), None)


def options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `draw`."""
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--success", type=float, metavar="RATIO", help="how soon this is reached")


def draw(given: argparse.Namespace) -> None:
    """Print the table as Markdown."""
    rows = [read(path) for path in given.runs]
    level = 0.9 * max(row.final_return for row in rows)
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: r.seed):
        groups[row.experiment].append(row)
    to = "90 %" if given.success is None else f"{given.success:.0%} success"
    columns = ("seeds", "final success", f"learner steps to {to} (env, k)", "area", "KL", "final")
    print(f"| experiment | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 1) + "|")
    for name, group in sorted(groups.items(), key=lambda item: -sum(r.area for r in item[1])):
        seeds = ", ".join(str(row.seed) for row in group)
        success = ", ".join(_known(row.success, ".0%") for row in group)
        moments = [
            reached(row, level) if given.success is None else succeeded(row, given.success)
            for row in group
        ]
        soon = ", ".join(map(_steps, moments))
        area = ", ".join(f"{row.area:.1f}" for row in group)
        kl = ", ".join(_known(row.kl, ".2f") for row in group)
        final = ", ".join(f"{row.final_return:.1f}" for row in group)
        print(f"| {name} | {seeds} | {success} | {soon} | {area} | {kl} | {final} |")


def _area(curve: Sequence[Point]) -> float:
    """The mean return over environment steps, by the trapezoid rule."""
    pairs = itertools.pairwise(curve)
    total = sum((b.env_step - a.env_step) * (a.return_ + b.return_) / 2 for a, b in pairs)
    return total / (curve[-1].env_step - curve[0].env_step) if len(curve) > 1 else math.nan


def _known(value: float, how: str) -> str:
    return "-" if math.isnan(value) else format(value, how)


def _steps(at: Point | None) -> str:
    return "-" if at is None else f"{at.learner_step:.0f} ({at.env_step / 1000:.0f})"
