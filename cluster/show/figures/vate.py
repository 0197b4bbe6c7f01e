"""Pictures and a table of finished VATE runs on the grid.

    skill-train figure vate runs/results/vate_grid* --out benchmarks/results

Prints a row for each experiment, with every seed, and draws ``vate_curves.png`` (evaluation return
against environment steps, with the exact bounds), ``vate_episodes.png`` (return of each episode of
a trial) and, from the first run of ``vate/grid``, ``vate_belief.png`` (figure 3 of the paper).
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from skill_train.cluster.loop.metrics import read_csv
from skill_train.cluster.show import trained
from skill_train.cluster.show.figures.canvas import pyplot
from skill_train.cluster.store.run_dir import RunDir
from skill_train.experiments.vate.grid import bounds
from skill_train.skill_agents.agent import Timestep
from skill_train.skill_agents.vate.beliefs import gaussian_of
from skill_train.skill_agents.vate.vate import VATE
from skill_train.tasks.goal_grid import SIZE, GoalGrid

Curve = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Environment steps, minutes, and evaluation returns."""
EPISODES = ("episode_1", "episode_2", "episode_3")
SAMPLES = 200
"""Samples of the belief over which the decoder's predictions are averaged."""


def curve(table: Mapping[str, Sequence[float]]) -> Curve:
    """The curve of a metrics file, at every row that has an evaluation."""
    value = np.array(table["evaluation_return_mean"])
    known = ~np.isnan(value)
    steps, seconds = np.array(table["env_steps"]), np.array(table["elapsed_seconds"])
    return steps[known], seconds[known] / 60.0, value[known]


def print_table(groups: Mapping[str, list[RunDir]], level: float) -> None:
    """Print final returns of every seed, and when an evaluation first reached ``level``."""
    print("| experiment | seeds | return of a trial | mean, std | by episode | to 90 % |")
    print("|---|---|---|---|---|---|")
    for name, runs in groups.items():
        finals, parts, soon = [], [], []
        for run in runs:
            table = read_csv(run.path / "metrics.csv")
            finals.append(table["evaluation_return_mean"][-1])
            parts.append([table[f"evaluation_return_mean/{e}"][-1] for e in EPISODES])
            steps, minutes, value = curve(table)
            good = np.flatnonzero(value >= level)
            soon.append(
                f"{steps[good[0]] / 1e6:.1f} M, {minutes[good[0]]:.1f} min" if len(good) else "-"
            )
        seeds = ", ".join(str(run.config.seed) for run in runs)
        each = ", ".join(f"{value:.1f}" for value in finals)
        by_episode = ", ".join(f"{value:.1f}" for value in np.mean(parts, axis=0))
        spread = np.std(finals, ddof=1) if len(finals) > 1 else np.nan
        print(
            f"| {name} | {seeds} | {each} | {np.mean(finals):.2f}, {spread:.2f} | {by_episode} | "
            f"{'; '.join(soon)} |"
        )


def draw_curves(groups: Mapping[str, list[RunDir]], out: Path) -> None:
    """Draw evaluation returns over environment steps, as mean and range over seeds."""
    figure, axes = pyplot().subplots(figsize=(6.5, 4))
    for name, runs in groups.items():
        curves = [curve(read_csv(run.path / "metrics.csv")) for run in runs]
        x = np.linspace(max(c[0][0] for c in curves), min(c[0][-1] for c in curves), 100)
        y = np.stack([np.interp(x, steps, value) for steps, _, value in curves])
        (line,) = axes.plot(x / 1e6, y.mean(0), label=f"{name} ({len(runs)} seeds)")
        axes.fill_between(x / 1e6, y.min(0), y.max(0), color=line.get_color(), alpha=0.2)
    for (name, returns), style in zip(bounds().items(), ("-", ":", "--"), strict=True):
        axes.axhline(sum(returns), color="black", linestyle=style, linewidth=1, label=name)
    axes.set(xlabel="million environment steps", ylabel="return of a trial, all 21 goals")
    axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(out, dpi=120)


def draw_episodes(groups: Mapping[str, list[RunDir]], out: Path) -> None:
    """Draw returns by the episode's number within its trial."""
    figure, axes = pyplot().subplots(figsize=(5, 4))
    number = np.arange(1, 4)
    for name, runs in groups.items():
        tables = [read_csv(run.path / "metrics.csv") for run in runs]
        parts = np.array([[t[f"evaluation_return_mean/{e}"][-1] for e in EPISODES] for t in tables])
        low, high = parts.mean(0) - parts.min(0), parts.max(0) - parts.mean(0)
        axes.errorbar(number, parts.mean(0), (low, high), marker="o", capsize=3, label=name)
    for (name, returns), style in zip(bounds().items(), ("-", ":", "--"), strict=True):
        axes.plot(number, returns, color="black", linestyle=style, linewidth=1, label=name)
    axes.set(xticks=number, xlabel="episode of the trial", ylabel="return")
    axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(out, dpi=120)


@torch.no_grad()
def play(agent: VATE, goal: tuple[int, int]) -> list[dict[str, Any]]:
    """Play a trial; returns for each row the cell, whether an episode begins, and the belief."""
    env = GoalGrid(goal)
    seen, _ = env.reset(seed=0)
    rows: list[dict[str, Any]] = []
    state, reward, over = agent.initial_state(1), 0.0, False
    generator = torch.Generator().manual_seed(0)
    decoder: Any = agent.model.decoder
    while True:
        observation = {name: torch.from_numpy(array)[None] for name, array in seen.items()}
        timestep = Timestep(
            observation,
            torch.tensor([reward], dtype=torch.float32),
            torch.tensor([not rows]),
            torch.zeros(1, dtype=torch.int64),
        )
        parameters, _ = agent.belief.step(timestep, state)
        belief = gaussian_of(parameters[0])
        noise = torch.randn(SAMPLES, len(belief.mean), generator=generator)
        chance = decoder.goal_probability(belief.mean + belief.std * noise).mean(0)
        rows.append(
            {
                "cell": int(seen["state"].argmax()),
                "new": bool(seen["new_episode"][0]),
                "chance": chance.numpy().reshape(SIZE, SIZE),
                "entropy": float(belief.entropy()),
            }
        )
        if over:
            return rows
        acting = agent.act(timestep, state, explore=False)
        state = acting.state
        seen, reward, _, over, _ = env.step(int(acting.action))


def draw_belief(run: RunDir, goal: tuple[int, int], out: Path) -> None:
    """Draw figure 3: the decoder's prediction for each cell, step by step, and the way so far."""
    _, agent, _ = trained.load(run)
    assert isinstance(agent, VATE)
    rows = play(agent, goal)
    chosen = [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 24]
    figure, panels = pyplot().subplots(2, 6, figsize=(11, 4.6))
    for t, axes in zip(chosen, panels.ravel(), strict=True):
        axes.imshow(rows[t]["chance"], origin="lower", cmap="Reds", vmin=0.0, vmax=1.0)
        begin = max(i for i in range(t + 1) if rows[i]["new"])
        way = [divmod(rows[i]["cell"], SIZE) for i in range(begin, t + 1)]
        axes.plot([x for _, x in way], [y for y, _ in way], color="tab:blue", linewidth=2)
        axes.plot(way[-1][1], way[-1][0], "o", color="tab:blue")
        axes.plot(*goal, "*", color="tab:green", markersize=11)
        episode = sum(rows[i]["new"] for i in range(t + 1))
        axes.set_title(
            f"episode {episode}, step {t - begin}\n{rows[t]['entropy']:.1f} nats", fontsize=7
        )
        axes.set(xticks=[], yticks=[])
    figure.tight_layout(h_pad=1.5)
    figure.savefig(out, dpi=110)


def options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `draw`."""
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--goal", type=int, nargs=2, default=(3, 0), metavar=("X", "Y"),
        help="of the belief's picture",
    )  # fmt: skip


def draw(given: argparse.Namespace) -> None:
    """Print the table and draw all pictures."""
    groups: dict[str, list[RunDir]] = defaultdict(list)
    for run in sorted(map(RunDir.open, given.runs), key=lambda run: run.config.seed):
        groups[run.config.experiment].append(run)
    print_table(groups, level=0.9 * sum(bounds()["bayes_optimal"]))
    draw_curves(groups, given.out / "vate_curves.png")
    draw_episodes(groups, given.out / "vate_episodes.png")
    if "vate/grid" in groups:
        draw_belief(groups["vate/grid"][0], tuple(given.goal), given.out / "vate_belief.png")
