"""SAC as another paper's learner, shrunk to seconds."""

from __future__ import annotations

from dataclasses import replace

from skill_train.experiments.spec import Actors, Evaluating, Limits, Stage
from skill_train.skill_agents.sac.agent import SACConfig


def tiny_sac(stage: Stage) -> Stage:
    """Seconds of the same."""
    agent = stage.agent
    assert isinstance(agent, SACConfig)
    small = replace(
        agent,
        policy_sizes=(8, 8),
        critic_sizes=(8, 8),
        batch_per_task=16,
        minimum_per_task=100,
        samples_per_insert=1.0,
    )
    return replace(
        stage,
        agent=small,
        actors=Actors(count=2, environments=4, steps_per_refresh=80),
        evaluation=Evaluating(episodes=4, every_env_steps=2_000, final_episodes=4),
        limits=Limits(env_steps=4_000),
    )
