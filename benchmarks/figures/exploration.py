"""Success rate of an untrained agent by the correlation of its latents' noise, as JSON.

    python -m benchmarks.figures.exploration --episodes 500

The agent is the quickstart's hierarchical one before its first update, its initial networks drawn
anew for each of ten seeds. The noise of its latents is white or correlated in time (AR(1)).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from skill_train.actors.player import Player
from skill_train.actors.vector_env import VectorEnv
from skill_train.experiments.hierarchical_kl.quickstart import SMALL_AGENT, STAGE

SEEDS = 10


def success_rate(correlation: float, episodes: int, seed: int) -> float:
    """Share of ``episodes`` first episodes, one in each environment, that end in success."""
    torch.manual_seed(seed)
    tasks = STAGE.tasks
    envs = VectorEnv(tasks.make, [tasks.tasks[0]] * episodes, seed)
    agent = replace(SMALL_AGENT, noise_correlation=correlation).build(envs.spec)
    player = Player(agent, envs, seed, explore=True)
    first: dict[int, bool] = {}
    while len(first) < episodes:
        outcome = player.turn().outcome
        for slot, episode in zip(outcome.ended, outcome.episodes, strict=True):
            first.setdefault(slot, bool(episode.success))
    envs.close()
    return float(np.mean(list(first.values())))


def main(argv: Sequence[str] | None = None) -> None:
    """Print success rates by correlation, one for each seed."""
    parser = argparse.ArgumentParser(description="Success of untrained agents.")
    parser.add_argument("--episodes", type=int, default=500, help="in all, shared by ten seeds")
    parser.add_argument("--correlations", type=float, nargs="+", default=[0.0, 0.9, 0.95])
    args = parser.parse_args(argv)
    each = max(1, args.episodes // SEEDS)
    result = {}
    for correlation in args.correlations:
        rates = [success_rate(correlation, each, seed) for seed in range(SEEDS)]
        result[str(correlation)] = {"mean": float(np.mean(rates)), "by_seed": rates}
    print(json.dumps({"success_rate_by_correlation": result, "episodes": each * SEEDS}, indent=2))


if __name__ == "__main__":
    main()
