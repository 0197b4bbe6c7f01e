"""Threads that draw items from a Reverb server and hand them over one by one.

Reverb 0.14 has no way to cancel a sampler that waits on an empty table. So each concrete table
has a daemon thread, which is left behind when the reader closes. Samplers find their server again
when it returns at the same address.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np

from skill_train.replay.reverb_native import native

_RETRY_S = 0.5


class Sampling:
    """Threads that draw items ``uint8`` of one shape, one thread for each of several tables.

    A subclass keeps the items: its `has_room` and `put` are called by the threads.
    """

    def __init__(self, address: str, shape: tuple[int, ...], max_in_flight: int) -> None:
        self.changed = threading.Condition()
        """Held to look at the drawn items, and notified of every change to them."""
        self._address, self._shape, self._max_in_flight = address, shape, max_in_flight
        self._closed = False
        self._error: str | None = None

    def has_room(self, index: int) -> bool:
        """Whether thread ``index`` may draw; asked with `changed` held, whenever it is notified."""
        return True

    def put(self, index: int, item: np.ndarray) -> None:
        """Keep an item of table ``index``."""
        raise NotImplementedError

    def start(self, tables: Sequence[str]) -> None:
        """Begin to draw from ``tables``."""
        for index, table in enumerate(tables):
            threading.Thread(
                target=self._work, args=(index, table), name=f"draw-{table}", daemon=True
            ).start()

    def wait_for(self, ready: Callable[[], bool], timeout_s: float) -> bool:
        """Wait for ``ready``, with `changed` held; returns whether it came true in time.

        Raises ValueError if the server has no such table or holds rows of another layout.
        """
        self.changed.wait_for(lambda: self._error or self._closed or ready(), timeout_s)
        if self._error:
            raise ValueError(self._error)
        return not self._closed and ready()

    def close(self) -> None:
        """Stop drawing. A thread that waits on an empty table stays until the process ends."""
        with self.changed:
            self._closed = True
            self.changed.notify_all()

    def _work(self, index: int, table: str) -> None:
        sampler = None
        while self._wait_for_room(index):
            try:
                if sampler is None:
                    sampler = (
                        native().Client(self._address).NewSampler(table, -1, self._max_in_flight)
                    )
                item = sampler.GetNextTrajectory()[-1]
            except RuntimeError as error:
                # Only this thread, which owns the sampler, makes a new one.
                sampler = None
                if self._is_final(table, error):
                    return
                continue
            if self._closed:
                return
            if item.shape != self._shape or item.dtype != np.uint8:
                self._fail(
                    f"table {table!r} at {self._address} holds items {item.dtype} of shape "
                    f"{item.shape}, but this run's are uint8 of shape {self._shape}: it was "
                    "filled by a run with another row or length"
                )
                return
            self.put(index, item)

    def _wait_for_room(self, index: int) -> bool:
        with self.changed:
            self.changed.wait_for(lambda: self._closed or self.has_room(index))
            return not self._closed

    def _is_final(self, table: str, error: RuntimeError) -> bool:
        """Whether drawing must end for ``error``; pauses before it returns False."""
        if "not found" in str(error):
            self._fail(f"the replay server at {self._address} has no table {table!r}")
            return True
        time.sleep(_RETRY_S)
        return self._closed

    def _fail(self, message: str) -> None:
        with self.changed:
            self._error = message
            self.changed.notify_all()
