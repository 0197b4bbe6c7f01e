"""The mean evaluated return over a whole run, which shows how fast an agent learns.

    skill-train figure evaluated-area benchmarks/results/vate/grid*.csv.gz --until 3000000

The files are ``metrics.csv`` of runs, compressed or not, named ``WHAT-SEED``. A run's area is the
mean of its evaluations over environment steps, by the trapezoid rule, from the first evaluation to
the last one within ``--until``. Prints a row for each WHAT, all seeds in it, with mean and
standard deviation over them.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import mean, stdev

from skill_train.cluster.errors import RunError


def evaluations(path: Path) -> list[tuple[float, float]]:
    """The (environment step, mean return) of every evaluation, in order."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        rows = list(csv.DictReader(file))
    known = [
        (float(row["env_steps"]), float(row["evaluation_return_mean"]))
        for row in rows
        if row.get("evaluation_return_mean")
    ]
    # A row repeats the last evaluation until there is a new one.
    repeated = {at for before, at in pairwise(known) if at[1] == before[1]}
    return [at for at in known if at not in repeated]


def area(curve: Sequence[tuple[float, float]], until: float) -> float:
    """The mean of ``curve`` over its steps up to ``until``; NaN for fewer than two points."""
    within = [(step, value) for step, value in curve if step <= until]
    if len(within) < 2:
        return math.nan
    parts = [(b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(within)]
    return sum(parts) / (within[-1][0] - within[0][0])


def options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `draw`."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--until", type=float, default=math.inf, metavar="ENV_STEPS")


def draw(given: argparse.Namespace) -> None:
    """Print the table as Markdown."""
    groups: dict[str, dict[int, float]] = defaultdict(dict)
    for path in given.files:
        what, _, seed = path.name.removesuffix(".gz").removesuffix(".csv").rpartition("-")
        if not path.is_file() or not seed.isdecimal():
            raise RunError(f"{path} is not a file of metrics that is named WHAT-SEED.csv")
        groups[what][int(seed)] = area(evaluations(path), given.until)
    print("| runs | seeds | area of evaluated return | mean, std |")
    print("|---|---|---|---|")
    for what, seeds in groups.items():
        areas = [seeds[seed] for seed in sorted(seeds)]
        each = ", ".join(f"{value:.1f}" for value in areas)
        spread = stdev(areas) if len(areas) > 1 else math.nan
        print(
            f"| {what} | {', '.join(map(str, sorted(seeds)))} | {each} | "
            f"{mean(areas):.1f}, {spread:.1f} |"
        )
