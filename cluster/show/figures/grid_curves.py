"""Learning curves of each task of a grid, and the trajectories that each needed, of finished runs.

    skill-train figure grid-curves runs/results/* --level 255 --out grid.png

The picture has a panel for each task, dynamics down and goals across: the evaluated return over the
trajectories of that task, mean and range over the runs of an experiment. The table has, for each
run, the worst task's final return, and the trajectories, of that task or of all together, after
which an evaluation first reached ``--level``; a dash where none did.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skill_train.cluster.plan import planning
from skill_train.cluster.show.figures import metrics
from skill_train.cluster.show.figures.canvas import pyplot
from skill_train.cluster.store.run_dir import RunDir
from skill_train.tasks.families import TaskFamily

GRID = 100
"""Points of a mean curve."""
RETURN, EPISODES = "evaluation_return_mean/task_", "episodes_total/task_"


@dataclass(frozen=True)
class Run:
    """One finished run; arrays ``[E]`` have a row for each evaluation, the final one last."""

    experiment: str
    seed: int
    family: TaskFamily
    returns: Mapping[int, np.ndarray]
    """Mean return ``[E]`` by task."""
    trajectories: Mapping[int, np.ndarray]
    """Training episodes so far ``[E]`` by task; of all tasks together where it has no counts."""
    total: np.ndarray
    """Training episodes so far, all tasks together ``[E]``."""

    def worst(self) -> np.ndarray:
        """The lowest return among the tasks ``[E]``."""
        return np.stack(list(self.returns.values())).min(0)


def read(path: str) -> Run:
    """Read a run from its folder; raises RunError if its tasks were not evaluated one by one."""
    run = RunDir.open(path)
    stage = planning.stage_of(run)
    tasks = stage.evaluation_tasks or stage.tasks
    table = metrics.of(run, *(f"{RETURN}{task}" for task in tasks.tasks))
    return of_table(run.config.experiment, run.config.seed, tasks.family, table)


def of_table(
    experiment: str, seed: int, family: TaskFamily, table: Mapping[str, Sequence[float]]
) -> Run:
    """A run from its metrics, at the rows in which an evaluation is new."""
    columns = {int(name.removeprefix(RETURN)): name for name in table if name.startswith(RETURN)}
    values = np.array([table[name] for name in columns.values()])
    known = np.flatnonzero(np.isfinite(values).all(0))
    different = (np.diff(values[:, known], axis=1) != 0).any(0)
    new = known[np.append(True, different)]
    total = np.asarray(table["episodes_total"])[new]
    return Run(
        experiment,
        seed,
        family,
        {task: values[i, new] for i, task in enumerate(columns)},
        {
            task: np.asarray(table.get(f"{EPISODES}{task}", table["episodes_total"]))[new]
            for task in columns
        },
        total,
    )


def reached(returns: np.ndarray, trajectories: np.ndarray, level: float) -> int | None:
    """Trajectories at the first evaluation that returned ``level``; None without one."""
    good = np.flatnonzero(returns >= level)
    return int(trajectories[good[0]]) if len(good) else None


def read_groups(paths: Sequence[str]) -> dict[str, list[Run]]:
    """Read runs, grouped by experiment and sorted by seed."""
    groups: dict[str, list[Run]] = defaultdict(list)
    for run in sorted(map(read, paths), key=lambda run: run.seed):
        groups[run.experiment].append(run)
    return groups


def options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `draw`."""
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--level", type=float, required=True, help="return that is good enough")
    parser.add_argument("--out", type=Path, metavar="FILE.png")


def draw(given: argparse.Namespace) -> None:
    """Print the table as Markdown, and draw the panels."""
    groups = read_groups(given.runs)
    print(table(groups, given.level))
    if given.out is not None:
        draw_panels(groups, given.level, given.out)


def table(groups: Mapping[str, Sequence[Run]], level: float) -> str:
    """The table as Markdown: a row for each run."""
    lines = [
        f"| experiment | seed | final, mean (worst task) | to {level:g} in the worst task "
        f"(all trajectories) | to {level:g}, each task (its own trajectories) |",
        "|---|---|---|---|---|",
    ]
    for experiment, runs in groups.items():
        for run in runs:
            final = [values[-1] for values in run.returns.values()]
            all_good = _text(reached(run.worst(), run.total, level))
            each = ", ".join(
                _text(reached(run.returns[task], run.trajectories[task], level))
                for task in run.returns
            )
            lines.append(
                f"| {experiment} | {run.seed} | {np.mean(final):.1f} ({min(final):.1f}) "
                f"| {all_good} | {each} |"
            )
    return "\n".join(lines)


def draw_panels(groups: Mapping[str, Sequence[Run]], level: float, out: Path) -> None:
    """Draw the grid of panels."""
    plt = pyplot()
    family = next(iter(groups.values()))[0].family
    shape = len(family.dynamics), len(family.goals)
    with plt.rc_context({"axes.spines.top": False, "axes.spines.right": False}):
        figure, axes = plt.subplots(
            *shape, figsize=(3.4 * shape[1], 2.3 * shape[0]), sharex=True, sharey=True,
            squeeze=False, layout="constrained",
        )  # fmt: skip
        for task in range(family.num_tasks):
            ax = axes[family.cell(task)]
            ax.set_title(family.name(task).partition("[")[2].rstrip("]"), fontsize="small")
            ax.axhline(level, color="0.8", linewidth=0.8)
            for color, (experiment, runs) in enumerate(groups.items()):
                seen = [run for run in runs if task in run.returns]
                if seen:
                    x, curves = _curves(seen, task)
                    ax.plot(x, curves.mean(0), color=f"C{color}", label=experiment)
                    ax.fill_between(
                        x, curves.min(0), curves.max(0), color=f"C{color}", alpha=0.15, linewidth=0
                    )
        axes[0][0].legend(frameon=False, fontsize="x-small")
        figure.supxlabel("trajectories of the task", fontsize="small")
        figure.supylabel("evaluated return", fontsize="small")
        figure.savefig(out, dpi=110)
        plt.close(figure)


def _curves(runs: Sequence[Run], task: int) -> tuple[np.ndarray, np.ndarray]:
    """The curves (trajectories ``[GRID]``, returns ``[runs, GRID]``) as far as all runs go."""
    first = max(run.trajectories[task][0] for run in runs)
    x = np.linspace(first, min(run.trajectories[task][-1] for run in runs), GRID)
    return x, np.stack([np.interp(x, run.trajectories[task], run.returns[task]) for run in runs])


def _text(trajectories: int | None) -> str:
    return "-" if trajectories is None else f"{trajectories:,}"
