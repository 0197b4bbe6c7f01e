"""A run's rows as Minari datasets, one for each of its tasks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from skill_train.actors.skill_env import action_space
from skill_train.cluster.errors import RunError
from skill_train.cluster.plan import planning
from skill_train.cluster.plan.build import Plan
from skill_train.cluster.store.run_dir import RunDir
from skill_train.replay.datasets import write_dataset
from skill_train.replay.saved import saved_episodes
from skill_train.replay.step import Step


class Written(NamedTuple):
    """A dataset that `write` has written."""

    name: str
    task: str
    episodes: int
    actions: int


def write(run: RunDir, name: str) -> list[Written]:
    """Write the rows of a run's newest checkpoint as ``name``, or ``name`` of each of its tasks.

    ``name`` is ``namespace/dataset-v0`` or ``dataset-v0``; with several tasks, number i is written
    as ``dataset-task-i-v0``. Raises RunError where the run has kept no rows, or the dataset exists
    already.
    """
    checkpoint = run.checkpoints.load_latest()
    if checkpoint is None or checkpoint.replay is None:
        raise RunError(f"{run.path} has no checkpoint with rows of replay to make a dataset of")
    plan = planning.plan_of(run)
    tasks = plan.stage.tasks.tasks
    episodes: dict[int, list[Step]] = defaultdict(list)
    try:
        for rows in saved_episodes(checkpoint.replay, plan.schema):
            episodes[int(rows.task[0])].append(rows)
        return [
            _write_task(plan, task, episodes[task], name if len(tasks) == 1 else _of(name, task))
            for task in tasks
        ]
    except ValueError as error:
        raise RunError(str(error)) from error


def _write_task(plan: Plan, task: int, episodes: Sequence[Step], name: str) -> Written:
    env = plan.stage.tasks.make(task)
    family = plan.stage.tasks.family
    try:
        count, actions = write_dataset(
            name,
            episodes,
            env.observation_space,
            action_space(plan.spec.action),
            description=f"{family.name(task)}, acted by {type(plan.stage.agent).__name__}",
        )
    finally:
        env.close()
    return Written(name, family.name(task), count, actions)


def _of(name: str, task: int) -> str:
    dataset, dash, version = name.rpartition("-v")
    return f"{dataset}-task-{task}{dash}{version}" if dash else name
