"""Pictures of the disentangled embeddings that a finished CartPole run has learned.

    skill-train figure dse-latents RUN --out DIR

``latents.png``: q(z | i) and q(g | j) as ellipses of 1.5 standard deviations, faint at the start
and dark at the end of training. ``interpolation.png``: x of the pole's tip over time with g
interpolated between the means of neighbouring goals, on which nothing was trained, and the point
where it settles against the interpolation. The rank correlation of the two is printed.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from skill_train.cluster.errors import RunError
from skill_train.cluster.show import trained
from skill_train.cluster.show.figures import metrics
from skill_train.cluster.show.figures.canvas import pyplot
from skill_train.cluster.store.run_dir import RunDir
from skill_train.skill_agents.dse.embeddings import Disentangled
from skill_train.skill_agents.dse.reinforce import Reinforce
from skill_train.tasks.cartpole import GRID, VectorCartPole, tip

SIGMAS = 1.5
"""Radius of an ellipse, as in the paper's figure 1."""
SETTLED = 100
"""The number of last steps of an episode whose mean is its balance point."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `draw`."""
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--out", type=Path, default=Path("."), metavar="DIR")
    parser.add_argument("--between", type=int, default=7, help="points between two goals")
    parser.add_argument("--episodes", type=int, default=20, help="for each point")


def draw(given: argparse.Namespace) -> None:
    """Draw both pictures and print the correlation."""
    run = RunDir.open(given.run)
    _, agent, _ = trained.load(run)
    if not isinstance(agent, Reinforce) or not isinstance(agent.embedding, Disentangled):
        raise RunError(f"{run.path} has no disentangled embeddings over discrete actions")
    given.out.mkdir(parents=True, exist_ok=True)
    draw_ellipses(metrics.of(run, "latent/goal_0_mean_0"), given.out / "latents.png")
    way, latents = interpolate(agent.embedding, given.between)
    tips = play(agent, latents, given.episodes)
    points = balance_points(tips)
    draw_interpolation(way, tips, points, given.out / "interpolation.png")
    for t, point in zip(way, points, strict=True):
        print(f"{t:5.2f}  {point:6.3f} m")
    print(f"rank correlation {rank_correlation(way, points):.3f}")


def interpolate(embedding: Disentangled, between: int) -> tuple[np.ndarray, torch.Tensor]:
    """(way ``[K]`` from 0 to J - 1, latents ``[K, D]``): g from goal to goal, z of the middle mass.

    Goal j's own mean lies at way = j.
    """
    means = embedding.goal.mean.detach()
    last = len(means) - 1
    way = np.linspace(0.0, last, last * (between + 1) + 1)
    start = np.minimum(way.astype(int), last - 1)
    share = torch.from_numpy(way - start).float().unsqueeze(-1)
    g = torch.lerp(means[start], means[start + 1], share)
    z = embedding.dynamics.mean.detach()[len(GRID.dynamics) // 2]
    return way, torch.cat([z.expand(len(g), -1), g], -1)


def play(agent: Reinforce, latents: torch.Tensor, episodes: int, seed: int = 0) -> np.ndarray:
    """x of the pole's tip ``[K, episodes, T]`` with latents ``[K, D]``; NaN after a fall."""
    mass = GRID.dynamics[len(GRID.dynamics) // 2].kwargs["cart_mass"]
    envs = VectorCartPole(len(latents) * episodes, cart_mass=mass)
    each = latents.repeat_interleave(episodes, 0)
    generator = torch.Generator().manual_seed(seed)
    seen, _ = envs.reset(seed=seed)
    alive, tips = np.ones(len(each), bool), []
    over = np.zeros(len(each), bool)
    while not over.all():
        state = {"state": torch.from_numpy(seen["state"])}
        with torch.inference_mode():
            action = agent.act_at(state, each, generator)
        seen, _, fallen, truncated, _ = envs.step(action.numpy())
        alive &= ~fallen
        over |= fallen | truncated
        tips.append(np.where(alive, tip(seen["state"].T), np.nan))
    return np.stack(tips, -1).reshape(len(latents), episodes, -1)


def balance_points(tips: np.ndarray) -> np.ndarray:
    """The mean place of the tip in the last steps, ``[K]``, over episodes that did not fall."""
    return cast(np.ndarray, np.nanmean(tips[..., -SETTLED:], axis=(1, 2)))


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's rank correlation, of values without ties."""
    ranks = [np.argsort(np.argsort(values)) for values in (x, y)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def draw_ellipses(table: Mapping[str, Sequence[float]], out: Path, moments: int = 6) -> None:
    """Draw both latent spaces at ``moments`` times of training, in their first two dimensions."""
    figure, axes = _figure(2, 5.0)
    known = np.flatnonzero(np.isfinite(table["latent/goal_0_mean_0"]))
    rows = known[np.linspace(0, len(known) - 1, moments).astype(int)]
    around = np.linspace(0.0, 2.0 * np.pi, 60)
    spaces = (("dynamics", GRID.dynamics, "z"), ("goal", GRID.goals, "g"))
    for ax, (space, variants, letter) in zip(axes, spaces, strict=True):
        for index, variant in enumerate(variants):
            name = f"latent/{space}_{index}"
            mean, std = (
                np.array([table[f"{name}_{moment}_{d}"] for d in range(2)])
                for moment in ("mean", "std")
            )
            ax.plot(*mean[:, known], color=f"C{index}", linewidth=0.8, alpha=0.5)
            for age, row in enumerate(rows):
                x, y = mean[:, row, None] + SIGMAS * std[:, row, None] * [
                    np.cos(around),
                    np.sin(around),
                ]
                last = age == moments - 1
                alpha = 0.15 + 0.85 * age / (moments - 1)
                ax.plot(x, y, color=f"C{index}", alpha=alpha, label=variant.name if last else None)
        ax.set_xlabel(f"{letter}[0]")
        ax.set_ylabel(f"{letter}[1]")
        ax.legend(frameon=False, fontsize="small")
    figure.savefig(out, dpi=110)


def draw_interpolation(way: np.ndarray, tips: np.ndarray, points: np.ndarray, out: Path) -> None:
    """Draw mean tip trajectories, trained goals in colour, and the balance points."""
    figure, (left, right) = _figure(2, 4.0)
    for t, one, point in zip(way, tips, points, strict=True):
        trained_goal = float(t).is_integer()
        color = f"C{int(t)}" if trained_goal else "0.6"
        style: dict[str, Any] = {"color": color, "zorder": 2 if trained_goal else 1}
        left.plot(np.nanmean(one, axis=0), linewidth=1.8 if trained_goal else 0.9, **style)
        right.plot(t, point, "o", **style)
    left.set_xlabel("step")
    left.set_ylabel("x of the pole's tip (m)")
    right.set_xlabel("g on its way from goal to goal")
    right.set_ylabel("balance point (m)")
    right.set_xticks(range(len(GRID.goals)), [goal.name for goal in GRID.goals])
    figure.savefig(out, dpi=110)


def _figure(columns: int, height: float) -> Any:
    plt = pyplot()
    with plt.rc_context({"axes.spines.top": False, "axes.spines.right": False}):
        return plt.subplots(1, columns, figsize=(5.0 * columns, height), layout="constrained")
