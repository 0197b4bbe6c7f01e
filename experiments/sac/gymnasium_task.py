"""Soft actor-critic on any environment of Gymnasium: ``--tasks.env-id HalfCheetah-v5``."""

from __future__ import annotations

from skill_train.experiments.spec import (
    Actors,
    Cost,
    Evaluating,
    Experiment,
    Learning,
    Limits,
    Stage,
)
from skill_train.skill_agents.sac.agent import SACConfig
from skill_train.tasks.families import GymnasiumTask

AGENT = SACConfig(groups=("*",))
"""Table 1 of Haarnoja et al. 2018b: an update for each step of the environment."""


EXPERIMENTS = (
    Experiment(
        name="sac/gymnasium",
        summary="SAC on any Gymnasium environment with continuous actions, --tasks.env-id",
        stage=Stage(
            agent=AGENT,
            tasks=GymnasiumTask("Pendulum-v1"),
            actors=Actors(count=1, environments=1, steps_per_refresh=20),
            learning=Learning(seconds_per_publish=0.1, inline_env_steps=1, inline_updates=1),
            limits=Limits(env_steps=10_000),
            evaluation=Evaluating(episodes=10, every_env_steps=2_000, final_episodes=100),
        ),
        cost=Cost(env_steps=10_000, hours=0.05),  # skill_agents/sac/README.md
    ),
)
