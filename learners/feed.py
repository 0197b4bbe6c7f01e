"""Batches for the learner: drawn from replay, as tensors on its device, one of them ahead."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable
from time import monotonic

import torch
from torch import Tensor

from skill_train.replay.backend import Reader
from skill_train.replay.step import Step
from skill_train.skill_agents.agent import Batch

POLL_SECONDS = 0.005


def to_tensors(rows: Step, device: torch.device) -> Step:
    """NumPy rows as tensors on ``device``; through pinned memory to a GPU."""

    def move(array: object) -> Tensor:
        tensor = torch.as_tensor(array)
        if device.type == "cuda":
            return tensor.pin_memory().to(device, non_blocking=True)
        return tensor

    return rows.map(move)


class Batches:
    """An agent's batches, each with all of the agent's named draws."""

    def __init__(self, reader: Reader, draws: Iterable[str], device: torch.device) -> None:
        self._reader, self._draws, self._device = reader, tuple(draws), device
        self._parts: dict[str, Step] = {}

    def next(self, timeout_s: float) -> Batch | None:
        """The next batch; or None after ``timeout_s`` seconds, with the draws so far kept."""
        deadline = monotonic() + timeout_s
        for name in self._draws:
            if name not in self._parts:
                rows = self._reader.next(name, max(deadline - monotonic(), 0.0))
                if rows is not None:
                    self._parts[name] = to_tensors(rows, self._device)
        if len(self._parts) < len(self._draws):
            return None
        batch, self._parts = self._parts, {}
        return batch

    def acted_by(self, newest: int) -> None:
        """Draw no on-policy data that weights above policy version ``newest`` acted."""
        self._reader.acted_by(newest)

    def close(self) -> None:
        """Close the reader."""
        self._reader.close()


class Feed:
    """A thread that draws batches while the learner computes.

    At most ``ahead`` batches wait, and the thread holds one more.
    """

    def __init__(self, batches: Batches, ahead: int = 1) -> None:
        self._batches = batches
        self._ready: queue.Queue[Batch | BaseException] = queue.Queue(maxsize=ahead)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="feed", daemon=True)
        self._thread.start()

    def next(self, timeout_s: float) -> Batch | None:
        """The next batch, or None after ``timeout_s`` seconds; raises the error of reading."""
        try:
            batch = self._ready.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(batch, BaseException):
            self._ready.put(batch)  # nothing comes after it: the thread has ended
            raise batch
        return batch

    def acted_by(self, newest: int) -> None:
        """Draw no on-policy data that weights above policy version ``newest`` acted."""
        self._batches.acted_by(newest)

    def close(self) -> None:
        """Stop drawing and wait for the thread."""
        self._stopped.set()
        self._thread.join(timeout=5.0)
        self._batches.close()

    def _work(self) -> None:
        try:
            while not self._stopped.is_set():
                batch = self._batches.next(timeout_s=0.2)
                if batch is not None:
                    self._offer(batch)
                else:
                    # Replay in memory answers at once; asking again at once would burn a core.
                    self._stopped.wait(POLL_SECONDS)
        except BaseException as error:  # for the learner, which raises it
            self._offer(error)

    def _offer(self, batch: Batch | BaseException) -> None:
        while not self._stopped.is_set():
            try:
                self._ready.put(batch, timeout=0.2)
                return
            except queue.Full:
                continue
