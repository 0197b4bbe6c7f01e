"""SAC on one task of Reacher; then again from that run's rows, without acting."""

from __future__ import annotations

from dataclasses import replace

from skill_train.experiments.data import FromRun
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
from skill_train.skill_agents.sac.temperature import FixedTemperature
from skill_train.tasks import reacher

AGENT = SACConfig(
    policy_sizes=(100, 100),
    critic_sizes=(100, 100),
    temperature=FixedTemperature(1.0 / 250.0),  # DSE, table 2
    policy_learning_rate=1e-3,
    q_learning_rate=1e-3,
    target_rate=0.01,
    batch_per_task=128,
    replay_per_task=100_000,
    samples_per_insert=64.0,
)
"""SAC with an update for every two steps, and replay for all steps of the run."""

COLLECT = Stage(
    agent=AGENT,
    tasks=reacher.GRID.only([(0, 0)]),
    actors=Actors(count=1, environments=8, steps_per_refresh=80),
    learning=Learning(inline_env_steps=8, inline_updates=4),
    limits=Limits(env_steps=40_000),
    evaluation=Evaluating(episodes=20, every_env_steps=4_000, final_episodes=100),
)

OFFLINE = replace(
    COLLECT,
    actors=None,
    learning=Learning(inline_updates=20),
    data=FromRun(),
    limits=Limits(learner_steps=20_000),
    evaluation=Evaluating(episodes=20, every_learner_steps=2_000, final_episodes=100),
)


EXPERIMENTS = (
    Experiment(
        name="sac/reacher",
        summary="SAC on one task of Reacher; every row is kept",
        stage=COLLECT,
        cost=Cost(40_000, 3.5 / 60),  # benchmarks/results/sac.md
    ),
    Experiment(
        name="sac/reacher-offline",
        summary="SAC from the rows of sac/reacher alone, or from --data NAME; nobody acts",
        stage=OFFLINE,
        cost=Cost(0, 2.75 / 60),
        after="sac/reacher",
    ),
)
