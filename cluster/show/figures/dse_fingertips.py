"""The paths of Reacher's fingertip for latents g between those of the goals that were learned.

    skill-train figure dse-fingertips runs/results/dse_reacher-3x3-0 --out fingertips.png

One panel for each arm. In colour: g at the mean of each goal, with the goal as a cross. In grey: g
at equal steps between the means of neighbouring goals. z is that of the arm. Prints, for each arm
and pair of goals, the angle of the fingertip at the end of each trajectory, in degrees.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import gymnasium
import numpy as np
import torch

from skill_train.cluster.errors import RunError
from skill_train.cluster.show import trained
from skill_train.cluster.show.figures.canvas import pyplot
from skill_train.cluster.store.run_dir import RunDir
from skill_train.skill_agents.dse.embeddings import Disentangled
from skill_train.skill_agents.dse.sac import DSESAC
from skill_train.skill_agents.dse.skills import GoalLatents


def fingertips(env: gymnasium.Env, latents: GoalLatents, g: torch.Tensor) -> np.ndarray:
    """The fingertip's x and y, ``[T+1, 2]``, over an episode with g held."""
    seen, _ = env.reset(seed=0)
    places, over = [seen["state"][6:]], False
    while not over:
        state = torch.from_numpy(seen["state"])[None]
        action = latents.act({"state": state}, g[None], None)[0].numpy()
        seen, _, _, over, _ = env.step(action)
        places.append(seen["state"][6:])
    return np.stack(places)


def degrees(place: np.ndarray) -> float:
    """The angle of a place about the shoulder, in degrees in [0, 360)."""
    return math.degrees(math.atan2(place[1], place[0])) % 360.0


def options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `draw`."""
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png")
    parser.add_argument("--between", type=int, default=3, help="latents between two means")


def draw(given: argparse.Namespace) -> None:
    """Draw one run and print the angles."""
    run = RunDir.open(given.run)
    plan, agent, _ = trained.load(run)
    if not isinstance(agent, DSESAC) or not isinstance(agent.embedding, Disentangled):
        raise RunError(f"{run.path} has no disentangled embeddings over continuous actions")
    family = plan.stage.tasks.family
    shares = np.linspace(0.0, 1.0, given.between + 2)[1:-1]

    arms, goals = len(family.dynamics), len(family.goals)
    figure, axes = pyplot().subplots(1, arms, figsize=(4.0 * arms, 4.2), squeeze=False)
    for i, ax in enumerate(axes[0]):
        latents = GoalLatents(agent, i)
        env = family.all().make(family.index(i, 0))
        for j in range(goals):
            k, ends = (j + 1) % goals, []
            start, stop = latents.means[j], latents.means[k]
            for share in (0.0, *shares, 1.0):
                path = fingertips(env, latents, start + float(share) * (stop - start))
                ends.append(path[-1])
                if 0.0 < share < 1.0:
                    ax.plot(*path.T, color="0.7", linewidth=0.8)
                    ax.plot(*path[-1], "o", color="0.5", markersize=3)
                elif share == 0.0:
                    ax.plot(*path.T, color=f"C{j}", linewidth=1.5, zorder=3)
            goal = family.goals[j].kwargs["goal"]
            ax.plot(*goal, "x", color=f"C{j}", markersize=10, markeredgewidth=2, zorder=4)
            turned = ", ".join(f"{degrees(end):.0f}" for end in ends)
            names = f"{family.goals[j].name} to {family.goals[k].name}"
            print(f"{family.dynamics[i].name}, {names}: fingertip at {turned}")
        ax.plot(0.0, 0.0, "o", color="purple", markersize=5)
        ax.set(
            title=family.dynamics[i].name, aspect="equal", xlim=(-0.25, 0.25), ylim=(-0.25, 0.25)
        )
        env.close()
    figure.tight_layout()
    figure.savefig(given.out, dpi=130)
