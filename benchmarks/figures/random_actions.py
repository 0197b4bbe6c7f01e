"""Success rate of random actions by the correlation of their noise, as JSON.

    python -m benchmarks.figures.random_actions skill/MoveBoxEasy-Ball-v0 --episodes 500

Each action is a standard Gaussian, clipped to the task's bounds and correlated with the last one
(AR(1)); a correlation of 0 is white noise. An agent before its first reward explores like this.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence

import gymnasium
import numpy as np

import skill_train.tasks  # noqa: F401


def success_rate(env: gymnasium.Env, correlation: float, episodes: int, seed: int) -> float:
    """Share of episodes that end in success."""
    rng = np.random.default_rng(seed)
    space, scale = env.action_space, math.sqrt(1.0 - correlation**2)
    assert isinstance(space, gymnasium.spaces.Box)
    successes = 0
    for episode in range(episodes):
        env.reset(seed=seed if episode == 0 else None)
        noise, ended = rng.standard_normal(space.shape), False
        while not ended:
            action = np.clip(noise, space.low, space.high).astype(np.float32)
            _, _, terminated, truncated, info = env.step(action)
            noise = correlation * noise + scale * rng.standard_normal(space.shape)
            ended = terminated or truncated
        successes += bool(info["success"])
    return successes / episodes


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Print success rates by correlation."""
    parser = argparse.ArgumentParser(description="Success of random actions.")
    parser.add_argument("env")
    parser.add_argument("--episodes", type=int, default=500)
    parser.add_argument("--correlations", type=float, nargs="+", default=[0.0, 0.95, 0.98])
    args = parser.parse_args(argv)
    with gymnasium.make(args.env) as env:
        result = {str(c): success_rate(env, c, args.episodes, seed=0) for c in args.correlations}
    print(
        json.dumps({"env": args.env, "episodes": args.episodes, "success_rate": result}, indent=2)
    )
    return result


if __name__ == "__main__":
    main()
