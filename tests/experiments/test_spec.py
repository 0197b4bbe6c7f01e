"""What follows from a stage by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from skill_train.experiments.spec import Actors, Experiment, Limits, Stage
from skill_train.replay.schema import Schema
from skill_train.skill_agents.agent import Agent, AgentConfig, EnvironmentSpec
from skill_train.tasks.families import TaskFamily, Variant


@dataclass(frozen=True)
class OwnConfig(AgentConfig):
    """An agent of somebody who has never heard of tiny forms."""

    def schema(self, spec: EnvironmentSpec, tasks: Sequence[int]) -> Schema:
        raise NotImplementedError

    def build(self, spec: EnvironmentSpec) -> Agent:
        raise NotImplementedError


def stage_of(num_tasks: int) -> Stage:
    goals = tuple(Variant(f"goal={i}", {"goal": i}) for i in range(num_tasks))
    tasks = TaskFamily("own/Task-v0", goals=goals).all()
    return Stage(OwnConfig(), tasks, Limits(minutes=60.0), Actors(count=32, environments=100))


@pytest.mark.parametrize(("num_tasks", "environments"), [(1, 4), (3, 6), (4, 4), (9, 9)])
def test_tiny_has_as_many_environments_of_every_task(num_tasks: int, environments: int) -> None:
    tiny = Experiment("own/task", "a task", stage_of(num_tasks)).tiny()
    assert tiny.agent == OwnConfig()
    assert tiny.actors is not None
    assert (tiny.actors.count, tiny.actors.environments) == (2, environments)
    assert tiny.limits == Limits(env_steps=2_000)
    assert tiny.tasks == stage_of(num_tasks).tasks


def test_an_experiment_with_long_episodes_has_a_tiny_stage_of_its_own() -> None:
    short = stage_of(1)
    assert Experiment("own/task", "a task", stage_of(2), tiny_stage=short).tiny() is short
