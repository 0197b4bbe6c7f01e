"""Streams whose rows say where they come from, and what any drawn batch must satisfy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from skill_train.replay.schema import Schema
from skill_train.replay.step import ArraySpec, RowLayout, Step, step_spec
from skill_train.replay.tables import Draw, TableSpec

ROW = step_spec(
    {"id": ArraySpec((3,)), "pixels": ArraySpec((2, 2), "uint8")},
    ArraySpec((), "int64"),
    {"log_mu": ArraySpec(())},
)
LAYOUT = RowLayout(ROW)
BIG = 2**40
"""Added to the row number in `action`: not a number that float32 or int32 could hold."""


def schema_of(
    tables: Sequence[TableSpec],
    draws: Mapping[str, Draw] | None = None,
    tasks: Sequence[int] = (0,),
) -> Schema:
    """Tables of these rows; without draws, for writing alone."""
    return Schema(tuple(tables), draws or {}, ROW, tuple(tasks))


class Streams:
    """B streams of rows. ``id`` is (generation, stream, row number since the generation began).

    Episodes of ``actions`` actions; stream b starts ``b * offset`` rows into its first one.
    ``task(stream, episode)`` is the row's task.
    """

    def __init__(
        self,
        num_streams: int,
        actions: int = 7,
        offset: int = 0,
        task: Callable[[int, int], int] = lambda stream, episode: 0,
    ) -> None:
        self.num_streams = num_streams
        self.version = BIG
        """Of the weights that act from now on."""
        self._rows = actions + 1
        self._offset = offset
        self._task = task
        self._row = [0] * num_streams
        self._age = [b * offset for b in range(num_streams)]
        self._generation = [0] * num_streams

    def next(self) -> Step:
        n = self.num_streams
        phase = np.array([age % self._rows for age in self._age])
        dead = phase == self._rows - 1
        row = np.array(self._row)
        step = Step(
            observation={
                "id": np.stack([self._generation, range(n), row], -1).astype(np.float32),
                "pixels": np.tile(((row + np.arange(n)) % 256)[:, None, None], (1, 2, 2)).astype(
                    np.uint8
                ),
            },
            action=np.where(dead, 0, BIG + row),
            reward=np.where(dead, 0, row / 2).astype(np.float32),
            discount=np.where(dead, 0, 1).astype(np.float32),
            is_first=phase == 0,
            task=np.array(
                [self._task(b, age // self._rows) for b, age in enumerate(self._age)], np.int32
            ),
            policy_version=np.full(n, self.version, np.int64),
            extras={"log_mu": np.where(dead, 0, -row).astype(np.float32)},
        )
        for b in range(n):
            self._row[b] += 1
            self._age[b] += 1
        return step

    def restart(self, stream: int) -> None:
        """The environment of ``stream`` failed and starts over."""
        self._generation[stream] += 1
        self._row[stream] = self._age[stream] = 0


def check_rows(batch: Step, padded: bool = False) -> None:
    """Every row of ``[T+1, ...]`` is whole, typed and shaped as written; windows are consecutive.

    With ``padded``, rows after a window's last real one are zero with is_first set.
    """
    for (name, dtype, shape), leaf in zip(LAYOUT.describe(), LAYOUT.leaves(batch), strict=True):
        assert leaf.dtype == dtype, name
        assert leaf.shape == batch.reward.shape + shape, name
        assert leaf.flags.c_contiguous and leaf.flags.writeable, name
    ids, first = batch.observation["id"], batch.is_first
    real = np.ones(first.shape, bool)
    if padded:
        real[1:] = ~np.logical_or.accumulate(first[1:], axis=0)
        for leaf in (ids, batch.action, batch.policy_version, batch.observation["pixels"]):
            assert not leaf[~real].any()
        assert first[~real].all()
    row = ids[..., 2]
    pairs = real[1:] & real[:-1]
    assert (np.diff(row, axis=0)[pairs] == 1).all(), "rows of a window follow each other"
    assert (np.diff(ids[..., :2], axis=0)[pairs] == 0).all(), "a window is from one stream"
    number = row.astype(np.int64)
    stream = ids[..., 1].astype(np.int64)
    assert (batch.policy_version[real] >= BIG).all()
    assert (
        batch.observation["pixels"][real] == ((number + stream) % 256)[real][:, None, None]
    ).all()
    dead = batch.action == 0
    acted = real & ~dead
    assert (batch.action[acted] == BIG + number[acted]).all()
    assert (batch.reward[acted] == number[acted] / 2).all()
    assert (batch.extras["log_mu"][acted] == -number[acted]).all()
    valid = ~first[1:]
    assert (dead[:-1] == ~valid)[real[:-1]].all(), "valid_t is not is_first_{t+1}"
