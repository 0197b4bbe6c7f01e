"""Hierarchies of DSE: skills trained on a grid of tasks are the actions in a new task."""

from __future__ import annotations

from dataclasses import replace

from skill_train.experiments.costs import (
    ASTEROIDS_STEPS_PER_SECOND,
    MOVING_GOAL_STEPS_PER_SECOND,
    of_inline_steps,
)
from skill_train.experiments.spec import Actors, Evaluating, Experiment, Learning, Limits, Stage
from skill_train.skill_agents.dse.skills import LatentBoxConfig, LatentPointsConfig
from skill_train.skill_agents.reinforce.agent import BaselineReinforceConfig
from skill_train.skill_agents.sac.agent import SACConfig
from skill_train.skill_agents.sac.temperature import FixedTemperature
from skill_train.tasks import cartpole, reacher
from skill_train.tasks.families import single_task

ASTEROID_AGENT = BaselineReinforceConfig(groups=("state", "asteroids"), max_grad_norm=1.0)
"""REINFORCE with table 1's column "HRL", which are the defaults, and a bound on gradients."""
UNIT_MASS = cartpole.CART_MASSES.index(1.0)

SAC_AGENT = SACConfig(
    groups=("state", "goal"),
    policy_sizes=(100, 100),  # appendix B.3
    critic_sizes=(100, 100),  # not given; the policy's
    temperature=FixedTemperature(1.0 / 250.0),  # table 2, alpha_pi
    policy_learning_rate=1e-3,  # table 2: 0.003
    q_learning_rate=3e-3,  # table 2: 0.03
    target_rate=0.01,  # table 2
    batch_per_task=256,  # table 2
    replay_per_task=300_000,  # table 2
    samples_per_insert=128.0,  # not given: an update for every two steps
)
"""SAC with table 2's column "HRL" and the smaller learning rates of the grid's preset."""
EQUAL_LINKS = [arm.kwargs["upper_arm"] for arm in reacher.GRID.dynamics].index(0.5)


def _asteroid(number: int, figure: str) -> tuple[Experiment, Experiment]:
    sky = f"AsteroidCartPole, {number} falling"
    environments, steps = ASTEROID_AGENT.trials_per_task, 4_000_000
    flat = Experiment(
        name=f"dse/asteroid-{number}-flat",
        summary=f"{sky}, REINFORCE on the pushes themselves",
        figure=figure,
        stage=Stage(
            agent=ASTEROID_AGENT,
            tasks=single_task("skill/AsteroidCartPole-v0", asteroids=number),
            actors=Actors(count=1, environments=environments, steps_per_refresh=25 * environments),
            learning=Learning.on_policy(25 * environments),
            limits=Limits(env_steps=steps),
            evaluation=Evaluating(episodes=20, every_env_steps=400_000, final_episodes=100),
        ),
        cost=of_inline_steps(steps, ASTEROIDS_STEPS_PER_SECOND),
    )
    skilled = replace(
        flat,
        name=f"dse/asteroid-{number}",
        summary=f"{sky}, REINFORCE on five skills of DSE-REINFORCE",
        stage=replace(flat.stage, skills=LatentPointsConfig(dynamics=UNIT_MASS)),
        after="dse/cartpole-3x3",
    )
    return skilled, flat


def _moving_goal() -> tuple[Experiment, Experiment]:
    environments, steps = 4, 100_000
    flat = Experiment(
        name="dse/moving-goal-flat",
        summary="Reacher, a goal that goes round, SAC on the torques themselves",
        figure="figure 3b",
        stage=Stage(
            agent=SAC_AGENT,
            tasks=single_task("skill/MovingGoalReacher-v0"),
            actors=Actors(count=2, environments=environments, steps_per_refresh=20 * environments),
            learning=Learning(inline_env_steps=environments, inline_updates=4),
            limits=Limits(env_steps=steps),
            evaluation=Evaluating(episodes=10, every_env_steps=5_000, final_episodes=100),
        ),
        cost=of_inline_steps(steps, MOVING_GOAL_STEPS_PER_SECOND),
    )
    skilled = replace(
        flat,
        name="dse/moving-goal",
        summary="Reacher, a goal that goes round, H-SAC on the goals' latents of DSE-SAC",
        stage=replace(flat.stage, skills=LatentBoxConfig(dynamics=EQUAL_LINKS)),
        after="dse/reacher-3x3",
    )
    return skilled, flat


EXPERIMENTS = (
    *_asteroid(1, "figure 3a"),
    *_asteroid(2, "figure 7"),
    *_moving_goal(),
)
