r"""The KL reward of a trained high level over the cells of the grid, as arrows (figure 12, right).

    skill-train figure kl-reward runs/grid-1step --goal 5 6 --out arrows.png

An arrow is a move from one cell to the next; its length and colour are the expected KL reward of
that move, -KL(pi_H(. | there) || pi0_H(. | z)) with z drawn from pi_H where the move began. In
body transfer both stay as they are, so this is the KL reward of a new body's low level.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch

from skill_train.cluster.errors import RunError
from skill_train.cluster.show import trained
from skill_train.cluster.show.figures.canvas import pyplot
from skill_train.cluster.store.run_dir import RunDir
from skill_train.skill_agents.hierarchical_kl.vtrace_agent import VTraceAgent
from skill_train.skill_agents.ops.divergence import gaussian_kl
from skill_train.tasks.grid import DIRECTIONS, Grid

SAMPLES = 64  # latents drawn in each cell


def kl_reward(agent: Any, goal: tuple[int, int], seed: int = 0) -> np.ndarray:
    """The expected -KL of every move, in nats, ``[size, size, 5]``: by cell x, y and move.

    Moves are those of `tasks.grid.DIRECTIONS`, then staying; one into a wall is NaN, and so are
    all moves from the goal, where an episode is over.
    """
    env = Grid()
    size = env.size
    seen = torch.zeros(size, size, env.observation_space["task"].shape[0])
    for x in range(size):
        for y in range(size):
            if (x, y) != goal:
                observation, _ = env.reset(seed=0, options={"agent": (x, y), "goal": goal})
                seen[x, y] = torch.from_numpy(observation["task"])
    # At the goal itself the agent stands where the goal is.
    seen[goal] = seen[goal[0] - 1 if goal[0] else 1, goal[1]]
    seen[goal][:2] = seen[goal][2:]
    with torch.no_grad():
        high = agent.policy.high({"task": seen})
        noise = torch.randn(
            SAMPLES, *high.mean.shape, generator=torch.Generator().manual_seed(seed)
        )
        prior = agent.default_policy.high.prior.next(high.reparameterize(noise))
    reward = np.full((size, size, len(DIRECTIONS) + 1), np.nan, np.float32)
    for x in range(size):
        for y in range(size):
            for move, (dx, dy) in enumerate((*DIRECTIONS, (0, 0))):
                to = (x + dx, y + dy)
                if (x, y) != goal and 0 <= to[0] < size and 0 <= to[1] < size:
                    before = prior.mean[:, x, y], prior.std[:, x, y]
                    there = high.mean[to].expand_as(before[0]), high.std[to].expand_as(before[0])
                    kl = gaussian_kl(*there, *before)
                    reward[x, y, move] = -float(kl.mean())
    return reward


def towards_goal(reward: np.ndarray, goal: tuple[int, int]) -> float:
    """Share of the cells whose move of highest KL reward, or staying, is a step nearer the goal."""
    size = len(reward)
    cells = [(x, y) for x in range(size) for y in range(size) if (x, y) != goal]
    nearer = 0
    for x, y in cells:
        dx, dy = (*DIRECTIONS, (0, 0))[int(np.nanargmax(reward[x, y]))]
        before = abs(x - goal[0]) + abs(y - goal[1])
        nearer += abs(x + dx - goal[0]) + abs(y + dy - goal[1]) < before
    return nearer / len(cells)


def draw_arrows(reward: np.ndarray, goal: tuple[int, int], out: Path) -> None:
    """Draw the arrows to the file ``out``."""
    plt = pyplot()
    moves = reward[..., : len(DIRECTIONS)]
    low, high = np.nanmin(moves), np.nanmax(moves)
    x, y, move = np.nonzero(np.isfinite(moves))
    value = moves[x, y, move]
    length = 0.1 + 0.35 * (value - low) / max(high - low, 1e-9)
    dx, dy = (length * np.asarray(DIRECTIONS)[move].T).astype(float)
    figure, ax = plt.subplots(figsize=(6.0, 5.0), layout="constrained")
    try:
        arrows = ax.quiver(
            x,
            y,
            dx,
            dy,
            value,
            angles="xy",
            scale_units="xy",
            scale=1.0,
            width=0.006,
            cmap="viridis",
        )
        ax.plot(*goal, "*", color="C3", markersize=16)
        ax.set_xlim(-0.6, len(reward) - 0.4)
        ax.set_ylim(-0.6, len(reward) - 0.4)
        ax.set_aspect("equal")
        figure.colorbar(arrows, label="KL reward of the move, nats")
        figure.savefig(out, dpi=150, bbox_inches="tight")
    finally:
        plt.close(figure)


def options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `draw`."""
    parser.add_argument("run", metavar="RUN", help="of a 1-step body")
    parser.add_argument("--goal", type=int, nargs=2, default=(5, 5), metavar=("X", "Y"))
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png")


def draw(given: argparse.Namespace) -> None:
    """Draw the arrows, and print how often the move of highest reward leads towards the goal."""
    run = RunDir.open(given.run)
    _, agent, _ = trained.load(run)
    if not isinstance(agent, VTraceAgent):
        raise RunError(f"{run.path} has no agent of the grid")
    goal, size = (given.goal[0], given.goal[1]), Grid().size
    if not all(0 <= place < size for place in goal):
        raise RunError(f"the goal {goal} is not on the grid: X and Y go from 0 to {size - 1}")
    reward = kl_reward(agent, goal)
    draw_arrows(reward, goal, given.out)
    goals = [(x, y) for x in range(len(reward)) for y in range(len(reward))]
    result = {
        "towards_this_goal": towards_goal(reward, goal),
        "towards_every_goal": float(np.mean([towards_goal(kl_reward(agent, g), g) for g in goals])),
    }
    print({name: f"{value:.0%}" for name, value in result.items()})
