"""Steps per second of the tasks that step as arrays: one core, one batch of environments.

    python -m benchmarks.speed.vector_rates --environments 256 --repeats 5

Actions are random; after an episode or trial the next begins. Seconds are CPU time of the process;
rates are medians of the repeats. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

import gymnasium
import numpy as np

from skill_train.tasks import cartpole, goal_grid, point_robot
from skill_train.tasks.families import TaskSet

TASKS: dict[str, TaskSet] = {
    "GoalGrid": goal_grid.FAMILY.all(),
    "PointRobot": point_robot.TRAIN,
    "CartPole": cartpole.GRID.all(),
}


def rate(env: gymnasium.vector.VectorEnv, actions: Sequence[np.ndarray]) -> float:
    """Environment steps per CPU second, with a call of ``step`` for each of ``actions``."""
    begun = time.process_time()
    for action in actions:
        env.step(action)
    return len(actions) * env.num_envs / (time.process_time() - begun)


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Measure every task and print the table; returns steps per second by name."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--environments", type=int, default=256)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args(argv)
    print("| task | environments | steps/s on one core |")
    print("|---|---|---|")
    found = {}
    for name, tasks in TASKS.items():
        env = tasks.make_batch([tasks.tasks[i % tasks.num_tasks] for i in range(args.environments)])
        assert env is not None
        env.reset(seed=0)
        env.action_space.seed(0)
        actions = [env.action_space.sample() for _ in range(args.steps)]
        found[name] = statistics.median(rate(env, actions) for _ in range(args.repeats))
        print(f"| {name} | {args.environments} | {found[name]:,.0f} |")
    return found


if __name__ == "__main__":
    main()
