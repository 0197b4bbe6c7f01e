"""Rows that were saved come back as the episodes that were written, from either back end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skill_train.replay.filling import fill
from skill_train.replay.in_memory import InMemoryReplay
from skill_train.replay.saved import saved_episodes
from skill_train.replay.step import Step
from skill_train.replay.tables import Draw, queue, transitions, trials, windows
from tests.replay.backends import MemoryBackend, ReverbBackend
from tests.replay.streams import BIG, Streams, schema_of

ACTIONS, STREAMS, STEPS = 7, 3, 44


def task_of(stream: int, episode: int) -> int:
    return (stream + episode) % 2


def written(backend: MemoryBackend | ReverbBackend, folder: Path, table, tasks=(0, 1)):
    """A saved replay of three streams, whose episodes of seven actions begin at other times."""
    schema = schema_of([table], {"d": Draw(table.name, 2)}, tasks)
    backend.start(schema.tables, schema.draws, tasks)
    writer = backend.writer(STREAMS)
    streams = Streams(STREAMS, ACTIONS, offset=2, task=task_of)
    for _ in range(STEPS):
        writer.append(streams.next())
    assert writer.flush(10.0)
    backend.save(folder / "saved")
    return folder / "saved", schema


def rows_of(episode: Step) -> tuple[int, int, int, int]:
    """(task, stream, first row, last row), after a check that they follow each other."""
    ids = episode.observation["id"].astype(int)
    assert (np.diff(ids[:, 2]) == 1).all()
    assert (ids[:, 1] == ids[0, 1]).all()
    assert (episode.action[:-1] == BIG + ids[:-1, 2]).all()
    return int(episode.task[0]), ids[0, 1], ids[0, 2], ids[-1, 2]


def expected(whole: bool) -> set[tuple[int, int, int, int]]:
    """By the rule of `Streams`: stream b begins 2 b rows into an episode of eight."""
    found = set()
    for stream in range(STREAMS):
        ages = np.arange(STEPS) + 2 * stream
        for episode in np.unique(ages // (ACTIONS + 1)):
            rows = np.flatnonzero(ages // (ACTIONS + 1) == episode)
            # A trial is an item once the row after it has come.
            done = len(rows) == ACTIONS + 1 and rows[-1] < STEPS - 1
            if len(rows) > 1 and (done or not whole):
                found.add((task_of(stream, episode), stream, rows[0], rows[-1]))
    return found


@pytest.mark.parametrize(
    ("table", "whole"),
    [
        (transitions("t", 1000, per_task=True), False),
        (transitions("t", 1000), False),
        (trials("e", 9, 100), True),
    ],
    ids=["transitions of each task", "transitions", "trials"],
)
def test_episodes_come_back_as_they_were_written(backend, tmp_path, table, whole) -> None:
    folder, schema = written(backend, tmp_path, table)
    found = [rows_of(episode) for episode in saved_episodes(folder, schema)]
    assert len(found) == len(set(found))
    assert set(found) == expected(whole)


def test_windows_are_put_together_again(backend, tmp_path) -> None:
    """Windows of 5 rows that share 3 with the next; what no window covers yet is missing."""
    folder, schema = written(backend, tmp_path, windows("w", 4, 1000, stride=2))
    found = {rows_of(episode) for episode in saved_episodes(folder, schema)}
    last = max(last for _, _, _, last in found)
    assert last == 4 + 2 * ((STEPS - 5) // 2)
    assert {row for row in found if row[3] < last} == {
        row for row in expected(whole=False) if row[3] < last
    }


def test_a_full_table_keeps_the_newest_and_cuts_an_episode(tmp_path) -> None:
    folder, schema = written(MemoryBackend(), tmp_path, transitions("t", 10), tasks=(0,))
    found = [rows_of(episode) for episode in saved_episodes(folder, schema)]
    assert sum(last - first for _, _, first, last in found) == 10
    assert max(last for _, _, _, last in found) == STEPS - 1


def test_what_keeps_nothing_or_is_of_another_run_is_refused(tmp_path) -> None:
    folder, schema = written(MemoryBackend(), tmp_path, queue("q", 4, 1000))
    with pytest.raises(ValueError, match="keeps no rows"):
        next(saved_episodes(folder, schema))
    other = schema_of([transitions("t", 9)])
    with pytest.raises(ValueError, match="holds no saved replay"):
        next(saved_episodes(tmp_path, other))


def test_tables_filled_from_episodes_hold_the_transitions_that_were_saved(tmp_path) -> None:
    folder, schema = written(MemoryBackend(), tmp_path, transitions("t", 1000, per_task=True))
    replay = InMemoryReplay(schema, seed=0)
    actions = fill(replay.writer(1), schema, saved_episodes(folder, schema))
    saved = InMemoryReplay(schema, seed=7)
    saved.load(folder)
    assert {n: t.size for n, t in replay.info().items()} == {
        n: t.size for n, t in saved.info().items()
    }
    assert actions == sum(table.size for table in replay.info().values())


def test_relabelled_episodes_go_to_every_task(tmp_path) -> None:
    folder, schema = written(MemoryBackend(), tmp_path, transitions("t", 1000, per_task=True))

    def relabel(rows: Step, task: int) -> Step:
        return rows._replace(reward=np.full_like(rows.reward, 10.0 + task))

    replay = InMemoryReplay(schema, seed=0)
    actions = fill(replay.writer(1), schema, saved_episodes(folder, schema), relabel)
    assert {t.size for t in replay.info().values()} == {actions // 2}
    batch = replay.reader().next("d", 0.0)
    assert (batch.reward[0] == np.array([[10.0], [11.0]])).all()
    assert (batch.task == np.array([[0], [1]])).all()


def test_rows_that_lack_what_the_agent_needs_are_named(tmp_path) -> None:
    folder, schema = written(MemoryBackend(), tmp_path, transitions("t", 1000))
    episodes = [rows._replace(extras={}) for rows in saved_episodes(folder, schema)]
    replay = InMemoryReplay(schema, seed=0)
    with pytest.raises(ValueError, match="the extra 'log_mu', but the data's have only: id"):
        fill(replay.writer(1), schema, episodes)


def test_a_table_with_a_ratio_cannot_be_filled(tmp_path) -> None:
    folder, schema = written(MemoryBackend(), tmp_path, transitions("t", 1000))
    held = schema_of([transitions("t", 1000, samples_per_insert=1.0)], schema.draws)
    replay = InMemoryReplay(held, seed=0)
    with pytest.raises(ValueError, match="cannot be filled beforehand"):
        fill(replay.writer(1), held, saved_episodes(folder, schema))
