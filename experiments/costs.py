"""The cost of a full run on two cores, extrapolated from measured rates.

Rates are of one core of the machine of benchmarks/results/hierarchical_kl.md. Costs are right
within a factor of about two: boxes make steps slower, and a machine's load changes all rates.
"""

from __future__ import annotations

from skill_train.experiments.spec import Cost
from skill_train.tasks.families import Tasks

PAPER_UPDATE_SECONDS = 0.62  # benchmarks/results/throughput.md, paper's sizes: 1.61 a second
VISION_UPDATE_SECONDS = 44.0  # the same with pixels: 64 times an update of 8 unrolls, 0.68 s
SMALL_UPDATE_SECONDS = 1 / 89.9  # benchmarks/results/throughput.md, quickstart
SMALL_ENV_STEPS_PER_UPDATE = 80  # 64 unrolls of 10 steps, each drawn 8 times

# Environment steps a second of going to a target with the paper's policy, by CPU time on a machine
# that had other work (benchmarks/results/hierarchical_kl.md).
ACTING_STEPS_PER_SECOND = {
    "Ball": 6_000.0,
    "Ant": 3_500.0,
    "Quadruped": 2_500.0,
    "Humanoid": 3_000.0,
}
VISION_STEPS_PER_SECOND = 200.0  # rendered without a GPU
GRID_STEPS_PER_SECOND = 25_000.0  # one update for 640 of them included

# Environment steps a second of an inline run, learning included, in the runs of the results' pages.
CARTPOLE_STEPS_PER_SECOND = 30_000.0
ASTEROIDS_STEPS_PER_SECOND = 15_000.0
REACHER_STEPS_PER_SECOND = 800.0
MOVING_GOAL_STEPS_PER_SECOND = 80.0
GOAL_GRID_STEPS_PER_SECOND = 16_000.0
POINT_ROBOT_STEPS_PER_SECOND = 1_100.0


def of_learner_steps(learner_steps: int, tasks: Tasks) -> Cost:
    """The cost at the paper's sizes: one core learns, the other acts for as long."""
    update = VISION_UPDATE_SECONDS if _sees_pixels(tasks) else PAPER_UPDATE_SECONDS
    seconds = learner_steps * update
    return Cost(round(seconds * _acting_rate(tasks)), seconds / 3600)


def of_steps_from_a_queue(learner_steps: int, steps_per_update: int, tasks: Tasks) -> Cost:
    """The cost at the paper's sizes where each step is learned from once: acting takes longer."""
    env_steps = learner_steps * steps_per_update
    return Cost(env_steps, env_steps / _acting_rate(tasks) / 3600)


def of_env_steps(env_steps: int, tasks: Tasks) -> Cost:
    """The cost at the quickstart's sizes: the slower of acting and learning, on a core each."""
    acting = env_steps / _acting_rate(tasks)
    learning = env_steps / SMALL_ENV_STEPS_PER_UPDATE * SMALL_UPDATE_SECONDS
    return Cost(env_steps, max(acting, learning) / 3600)


def of_inline_steps(env_steps: int, steps_per_second: float) -> Cost:
    """The cost of acting and learning on one core, as with --inline."""
    return Cost(env_steps, env_steps / steps_per_second / 3600)


def _acting_rate(tasks: Tasks) -> float:
    if _sees_pixels(tasks):
        return VISION_STEPS_PER_SECOND
    env_id = tasks.family.env_id
    for body, rate in ACTING_STEPS_PER_SECOND.items():
        if f"-{body}-" in env_id:
            return rate
    raise ValueError(
        f"no acting rate is known for the body of {env_id}; add the environment steps a second "
        "that it acts at to ACTING_STEPS_PER_SECOND in experiments/costs.py"
    )


def _sees_pixels(tasks: Tasks) -> bool:
    return tasks.family.env_id.endswith("-Vision-v0")
