"""Filling of tables with the episodes of another run or of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter

import numpy as np

from skill_train.replay.backend import Writer
from skill_train.replay.schema import Schema
from skill_train.replay.step import ArraySpec, Step

Relabel = Callable[[Step, int], Step]
"""(rows ``[L+1, ...]``, task) -> the same rows with that task's observations and rewards."""

FLUSH_SECONDS = 60.0


def fill(
    writer: Writer, schema: Schema, episodes: Iterable[Step], relabel: Relabel | None = None
) -> int:
    """Write episodes ``[L+1, ...]`` through ``writer``, of one stream; returns the actions written.

    Observation groups and extras that the schema lacks are left out. Without ``relabel`` an episode
    goes to its own task, and is left out if the run does not have that task; with it, to every task
    of the run, relabelled for each.

    Raises ValueError where an episode lacks a field of the schema's rows, or a table takes no more.
    """
    actions = 0
    for rows in episodes:
        for task in schema.tasks if relabel is not None else (int(rows.task[0]),):
            if task not in schema.tasks:
                continue
            mine = rows if relabel is None else relabel(rows, task)
            actions += len(mine.reward) - 1
            _write(writer, _as_schema(mine, schema.row, task))
    if not writer.flush(FLUSH_SECONDS):
        raise ValueError(
            "the tables do not take all of the data: a table that keeps a ratio, or forgets an "
            "item once it is learned from, cannot be filled beforehand"
        )
    return actions


def _write(writer: Writer, rows: Step) -> None:
    for t in range(len(rows.reward)):
        now = slice(t, t + 1)
        writer.append(rows.map(itemgetter(now)))


def _as_schema(rows: Step, spec: Step[ArraySpec], task: int) -> Step:
    """The rows of one episode with the leaves, types and shapes of ``spec``, all of ``task``."""
    observation = {
        name: _fit(f"observation {name!r}", rows.observation.get(name), one, rows)
        for name, one in spec.observation.items()
    }
    extras = {
        name: _fit(f"extra {name!r}", rows.extras.get(name), one, rows)
        for name, one in spec.extras.items()
    }
    first = np.zeros(len(rows.reward), bool)
    first[0] = True
    return rows._replace(
        observation=observation,
        action=_fit("action", rows.action, spec.action, rows),
        extras=extras,
        is_first=first,
        task=np.full(len(first), task, np.int32),
    )


def _fit(what: str, leaf: np.ndarray | None, spec: ArraySpec, rows: Step) -> np.ndarray:
    if leaf is None:
        have = ", ".join([*rows.observation, *rows.extras])
        raise ValueError(f"the agent's rows have the {what}, but the data's have only: {have}")
    if leaf.shape[1:] != spec.shape:
        raise ValueError(
            f"the {what} of the data has shape {leaf.shape[1:]}; the agent's is {spec.shape}"
        )
    return np.asarray(leaf, spec.dtype)
