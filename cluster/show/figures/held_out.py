r"""Returns of agents on unseen tasks, and the training that this saves (table 3 of DSE).

    skill-train figure held-out runs/results/dse_cartpole-6-3-* \
        --alone runs/results/dse_cartpole-3x3-independent-*

The runs given trained on a part of a grid and were evaluated on the other tasks. The table has
their final evaluation by task, at which retraining would start. ``--alone`` are runs that learned
every task by itself; for them it has the trajectories of a task after which an evaluation first
reached the unseen return of each experiment, on average over its seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np

from skill_train.cluster.show.figures.grid_curves import Run, reached, read, read_groups


def options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `draw`."""
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--alone", nargs="*", default=[], metavar="RUN")


def draw(given: argparse.Namespace) -> None:
    """Print the table as Markdown."""
    alone = [read(path) for path in given.alone]
    for experiment, runs in read_groups(given.runs).items():
        print(table(experiment, runs, alone), end="\n\n")


def table(experiment: str, runs: Sequence[Run], alone: Sequence[Run]) -> str:
    """The table as Markdown: a row for each seed, their mean, and a row for the runs ``alone``."""
    tasks = list(runs[0].returns)
    names = [runs[0].family.name(task).partition("[")[2].rstrip("]") for task in tasks]
    lines = [f"| {experiment} | {' | '.join(names)} | mean |", "|---" * (len(tasks) + 2) + "|"]
    final = np.array([[run.returns[task][-1] for task in tasks] for run in runs])
    for run, row in zip(runs, final, strict=True):
        lines.append(_row(f"seed {run.seed}", [f"{x:.1f}" for x in (*row, row.mean())]))
    mean, spread = final.mean(0), final.mean(1).std(ddof=1) if len(runs) > 1 else np.nan
    last = f"{mean.mean():.1f} +- {spread:.1f}"
    lines.append(_row("mean", [*(f"{x:.1f}" for x in mean), last]))
    if alone:
        needed = trajectories_alone(dict(zip(tasks, mean, strict=True)), alone)
        each = [_range(needed[task]) for task in tasks]
        lines.append(_row("trajectories alone", [*each, _range(list(chain(*needed.values())))]))
    return "\n".join(lines)


def trajectories_alone(
    levels: Mapping[int, float], alone: Sequence[Run]
) -> dict[int, list[int | None]]:
    """Trajectories by task that each of the runs ``alone`` needed to reach the task's level."""
    return {
        task: [reached(run.returns[task], run.trajectories[task], level) for run in alone]
        for task, level in levels.items()
    }


def _row(name: str, cells: Sequence[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def _range(numbers: Sequence[int | None]) -> str:
    """The mean and range of ``numbers``, and the count of None, which never reached the level."""
    there = [number for number in numbers if number is not None]
    never = f", {len(numbers) - len(there)} never" if len(there) < len(numbers) else ""
    if not there:
        return "never"
    return f"{np.mean(there):,.0f} ({min(there):,} to {max(there):,}{never})"
