"""The stage of every VATE experiment."""

from __future__ import annotations

from dataclasses import replace

from skill_train.experiments.spec import Actors, Evaluating, Learning, Limits, Stage
from skill_train.skill_agents.vate.vate import VATEConfig
from skill_train.tasks.families import TaskSet


def stage(
    agent: VATEConfig, tasks: TaskSet, held_out: TaskSet | None, env_steps: int, evaluations: int
) -> Stage:
    """A stage whose batch is one trial of every environment, learned from at once."""
    environments = agent.trials_per_update
    episodes = (held_out or tasks).num_tasks
    return Stage(
        agent=agent,
        tasks=tasks,
        evaluation_tasks=held_out,
        actors=Actors(count=1, environments=environments, steps_per_refresh=2 * environments),
        # No overlap: PPO's clip refuses changes that the last batch has made already.
        learning=replace(Learning.on_policy(2 * environments), overlap=False),
        limits=Limits(env_steps=env_steps),
        evaluation=Evaluating(episodes, env_steps // evaluations, final_episodes=episodes),
    )
