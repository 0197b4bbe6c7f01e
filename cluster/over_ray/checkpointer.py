"""Checkpoints of a distributed run: learner state and tables, written while the run goes on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from skill_train.cluster.over_ray.members import Member
from skill_train.cluster.store.checkpoints import Checkpoints

log = logging.getLogger(__name__)

REPLAY_SECONDS = 600.0
POLL_SECONDS = 0.2
TABLES_REST = 10.0
"""Rest of the tables after a save, as a multiple of the time that it took."""
LAST_REPLAY_SECONDS = 5.0
"""Seconds for the last save of the tables: a stopped run should end within 10 s. Tables that take
longer keep their earlier checkpoint."""


class Checkpointer:
    """The writer of checkpoints, in a thread, one at a time.

    Tables that take long do not delay the learner's state: the newest tables that were saved whole
    stand in for them. Tables are saved less often, by their own clock, so that the disk is not
    always busy with them. ``clock`` gives seconds.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        keep: int,
        replay: Member,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._rest_until = 0.0
        self._checkpoints, self._keep, self._replay = checkpoints, keep, replay
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._saving: Future[None] | None = None
        self._tables: Any = None
        """The replay server's save under way, or its last one."""
        self._hurry = threading.Event()

    @property
    def busy(self) -> bool:
        """Whether a checkpoint is being written."""
        return self._saving is not None

    def begin(
        self, state: Mapping[str, Any], counters: Mapping[str, int | float], score: float | None
    ) -> None:
        """Start to write a checkpoint; `check` raises its error, if any."""
        seconds = REPLAY_SECONDS if self._clock() >= self._rest_until else None
        self._saving = self._thread.submit(self._save, state, counters, score, seconds)

    def check(self) -> None:
        """Note that a checkpoint is done; raises the error that kept it from being written."""
        if self._saving is not None and self._saving.done():
            saving, self._saving = self._saving, None
            saving.result()

    def last(
        self, state: Mapping[str, Any], counters: Mapping[str, int | float], score: float | None
    ) -> None:
        """Write the final checkpoint now, with the newest tables that can be saved in time."""
        if self._saving is not None:
            self._hurry.set()
            self._saving.result()
            self._hurry.clear()
        self._save(state, counters, score, LAST_REPLAY_SECONDS)

    def close(self) -> None:
        """Release the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _save(
        self,
        state: Mapping[str, Any],
        counters: Mapping[str, int | float],
        score: float | None,
        replay_seconds: float | None,
    ) -> None:
        """Write a checkpoint; its tables may take ``replay_seconds``, None takes earlier ones."""
        if replay_seconds is not None:
            save: Callable[[Path], None] = self._replay_saver(replay_seconds)
            try:
                self._checkpoints.save(counters, state, save, score=score, keep=self._keep)
                return
            except RayError as error:
                log.warning("the tables were not saved (%s); the earlier ones stand in", error)
        earlier = self._checkpoints.paths()[:1]
        self._checkpoints.save(
            counters,
            state,
            score=score,
            replay_from=earlier[0] if earlier else None,
            keep=self._keep,
        )

    def _replay_saver(self, seconds: float) -> Callable[[Path], None]:
        def save(folder: Path) -> None:
            handle = self._replay.handle
            if handle is None:
                raise RayError("the replay server is down")
            if self._tables is not None and not _finished(self._tables):
                raise RayError("the tables before are still being written")
            started = self._clock()
            self._tables = handle.save.remote(folder)
            deadline = time.monotonic() + seconds
            while not _finished(self._tables, timeout_s=POLL_SECONDS):
                if self._hurry.is_set() or time.monotonic() > deadline:
                    raise RayError("writing them takes too long")
            ray.get(self._tables)
            ended = self._clock()
            self._rest_until = ended + TABLES_REST * (ended - started)

        return save


def _finished(ref: Any, timeout_s: float = 0.0) -> bool:
    return bool(ray.wait([ref], timeout=timeout_s)[0])
