"""Checks before a run begins that it does not hang and fits into memory; errors are RunErrors."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace

import psutil

from skill_train.actors.make_environments import make_environments
from skill_train.actors.vector_env import BrokenTaskError
from skill_train.cluster import machine
from skill_train.cluster.errors import RunError
from skill_train.cluster.over_ray.patience import HUNG_SECONDS
from skill_train.cluster.plan.build import Plan
from skill_train.experiments.spec import Actors
from skill_train.replay.schema import Schema
from skill_train.replay.server import server_bytes

REPLAY_SHARE = 0.6
"""Share of the machine's memory that full tables, or a batch, may take; the rest is for the
processes."""
ACTOR_BYTES = 210_000_000
"""Bytes of an actor's process without its environments: Python, torch and Ray."""
SHORT_STEPS, SHORT_EPISODES = 20_000, 100
"""Calls of so many take far less than `HUNG_SECONDS` with every task; longer ones are measured."""
SAMPLE_EPISODES = 32
SAMPLE_ENVIRONMENTS = 100


def check(plan: Plan, inline: bool, address: str | None) -> None:
    """Raise RunError where the run would hang, learn nothing, or not fit into memory."""
    _refuse_oversized_data(plan, in_process=inline or plan.stage.actors is None)
    if plan.stage.actors is None:
        return
    actors = replace(plan.actors, count=1) if inline else plan.actors
    refusal = unshared(actors, plan.schema)
    if refusal is not None:
        raise RunError(refusal)
    if not inline:
        _refuse_long_calls(plan)
    if address is None:
        _refuse_crowds(plan, actors)


def unshared(actors: Actors, schema: Schema) -> str | None:
    """The reason that the environments cannot be shared out over the tasks; None if they can.

    The environments of all actors are dealt to the tasks in turn, and every task needs one. Where
    each task has its own table with a ratio, every task needs as many as the others: the one with
    most would fill its table and block the actors that the other tables wait for.
    """
    slots, num_tasks = actors.count * actors.environments, len(schema.tasks)
    have = f"{actors.count} x {actors.environments} environments (--actors.count, .environments)"
    if slots < num_tasks:
        return f"{have} cannot cover {num_tasks} tasks; ask for at least {num_tasks} in all"
    even = any(table.per_task and table.samples_per_insert is not None for table in schema.tables)
    if even and slots % num_tasks:
        return (
            f"{have} cannot be shared out evenly over {num_tasks} tasks, whose tables each keep a "
            f"ratio; ask for a multiple of {num_tasks} in all"
        )
    return None


def _refuse_oversized_data(plan: Plan, in_process: bool) -> None:
    """Raise RunError where full tables, or a batch, would not fit into this machine's memory."""
    schema, total = plan.schema, machine.memory_bytes()
    tables = schema.table_bytes if in_process else server_bytes(schema)
    for what, wanted, cure in (
        ("full replay tables", tables, "give the agent's tables fewer items"),
        ("one batch", schema.batch_bytes, "give the agent a smaller batch"),
    ):
        if wanted > REPLAY_SHARE * total:
            raise RunError(
                f"{what} would take {wanted / 1e9:.1f} GB of this machine's {total / 1e9:.1f} GB; "
                f"{cure} (rows are {schema.layout.row_bytes} bytes)"
            )


def _refuse_crowds(plan: Plan, actors: Actors) -> None:
    """Raise RunError where the actors and their environments would not fit into memory."""
    one = ACTOR_BYTES
    if actors.environments > SAMPLE_ENVIRONMENTS:
        one += int(actors.environments * _bytes_per_environment(plan))
    wanted, total = actors.count * one, machine.memory_bytes()
    if wanted > total:
        raise RunError(
            f"{actors.count} actors of {actors.environments} environments would take "
            f"{wanted / 1e9:.0f} GB of this machine's {total / 1e9:.0f} GB; ask for fewer"
        )


def _bytes_per_environment(plan: Plan) -> float:
    """Bytes of one environment in an actor's process, measured by making some."""
    tasks, process = plan.stage.tasks, psutil.Process()
    before = process.memory_info().rss
    envs = make_environments(tasks, [tasks.tasks[0]] * SAMPLE_ENVIRONMENTS, seed=0)
    with contextlib.closing(envs):
        envs.reset()
        return max(0, process.memory_info().rss - before) / SAMPLE_ENVIRONMENTS


def _refuse_long_calls(plan: Plan) -> None:
    """Raise RunError where calls would take so long that their processes are taken for hung."""
    stage = plan.stage
    publish = 0.0 if stage.learning is None else stage.learning.seconds_per_publish
    if publish >= HUNG_SECONDS:
        raise RunError(
            f"--learning.seconds-per-publish must be below {HUNG_SECONDS:.0f}, not {publish:g}: "
            "a learner that takes longer over a call is taken for hung"
        )
    steps, episodes = plan.actors.steps_per_refresh, stage.evaluation.episodes
    if steps <= SHORT_STEPS and episodes <= SHORT_EPISODES:
        return
    per_step, per_episode = _seconds_per_step_and_episode(plan)
    for name, amount, seconds in (
        ("actors.steps-per-refresh", steps, per_step),
        ("evaluation.episodes", episodes, per_episode),
    ):
        if amount * seconds >= HUNG_SECONDS:
            raise RunError(
                f"--{name} {amount} would take about {amount * seconds:.0f} s here, and a process "
                f"that takes {HUNG_SECONDS:.0f} s over a call is taken for hung; ask for fewer "
                f"than {HUNG_SECONDS / seconds:.0f}"
            )


def _seconds_per_step_and_episode(plan: Plan) -> tuple[float, float]:
    """Seconds of a step and of an episode in one process here, measured by playing episodes."""
    agent = plan.agent("evaluator").eval()
    started = time.perf_counter()
    try:
        played = plan.evaluate(agent, SAMPLE_EPISODES, seed=0).episodes
    except BrokenTaskError as error:
        raise RunError(str(error)) from error
    seconds = time.perf_counter() - started
    return seconds / sum(episode.length for episode in played), seconds / len(played)
