"""Returns of DSE-SAC's finished Reacher runs, with the proximity bonus and without it.

    skill-train figure dse-reacher runs/results/dse_reacher-*

The paper trains with a bonus whose size it does not give, so returns with our bonus cannot be
compared with its numbers; returns without it are those of Gymnasium's own reward. Runs with
held-out tasks are evaluated on these, which is the paper's "initial reward": nothing was learned
there yet. Prints a table with one row per experiment and cell, all seeds in it, and the returns of
standing still. ``skill-train figure held-out`` has the time that a learner of one task needs to
reach these returns.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from functools import partial
from statistics import mean
from typing import Any

import numpy as np

from skill_train.actors.evaluator import evaluate
from skill_train.actors.vector_env import VectorEnv
from skill_train.cluster.plan.build import FINAL_EVALUATION_SEED
from skill_train.cluster.show import trained
from skill_train.cluster.store.run_dir import RunDir
from skill_train.tasks.families import Tasks

NO_BONUS: dict[str, Any] = {"proximity_bonus": 0.0}
Cells = dict[str, tuple[float, float]]
"""Returns with the bonus and without it, by the name of a cell."""


def returns(run: RunDir, episodes: int) -> Cells:
    """Mean returns of each of a run's evaluation tasks, and of all of them as cell "all"."""
    plan, agent, _ = trained.load(run)
    tasks = plan.stage.evaluation_tasks or plan.stage.tasks
    both = []
    for kwargs in ({}, NO_BONUS):
        make = partial(VectorEnv, partial(tasks.make, **kwargs))
        played = evaluate(agent, make, tasks.tasks, episodes, FINAL_EVALUATION_SEED)
        found = {tasks.family.name(t): one.return_mean for t, one in played.per_task().items()}
        both.append(found | {"all": played.return_mean})
    return {cell: (both[0][cell], both[1][cell]) for cell in both[0]}


def standing_still(tasks: Tasks) -> Cells:
    """Returns without any torque, one episode of each task."""
    found = {}
    for task in tasks.tasks:
        pair = []
        for kwargs in ({}, NO_BONUS):
            env = tasks.make(task, **kwargs)
            env.reset(seed=0)
            total, over = 0.0, False
            while not over:
                _, reward, _, over, _ = env.step(np.zeros(2))
                total += float(reward)
            pair.append(total)
        found[tasks.family.name(task)] = (pair[0], pair[1])
    found["all"] = (mean(a for a, _ in found.values()), mean(b for _, b in found.values()))
    return found


def options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `draw`."""
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--episodes", type=int, default=180, help="of each run")
    parser.add_argument("--cells", action="store_true", help="a row for each cell, not only all")


def draw(given: argparse.Namespace) -> None:
    """Print the table as Markdown."""
    rows: dict[tuple[str, str], list[tuple[int, float, float]]] = defaultdict(list)
    idle: Cells = {}
    for path in given.runs:
        run = RunDir.open(path)
        name, seed = run.config.experiment, run.config.seed
        for cell, (bonus, bare) in returns(run, given.episodes).items():
            rows[name, cell].append((seed, bonus, bare))
        plan, _, _ = trained.load(run)
        still = standing_still(plan.stage.evaluation_tasks or plan.stage.tasks)
        idle |= {f"{name}/{cell}": pair for cell, pair in still.items()}
    print("| experiment | cell | seeds | return | without bonus | mean without | standing still |")
    print("|---|---|---|---|---|---|---|")
    for (name, cell), found in sorted(rows.items()):
        if cell != "all" and not given.cells:
            continue
        found.sort()
        seeds = ", ".join(str(seed) for seed, _, _ in found)
        with_bonus = ", ".join(f"{b:.2f}" for _, b, _ in found)
        without = ", ".join(f"{b:.2f}" for _, _, b in found)
        average = f"{mean(b for _, _, b in found):.2f}"
        at_rest = f"{idle[f'{name}/{cell}'][1]:.2f}"
        short = cell.partition("[")[2].rstrip("]") or cell
        print(f"| {name} | {short} | {seeds} | {with_bonus} | {without} | {average} | {at_rest} |")
