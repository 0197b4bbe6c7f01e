"""An object in its own process, pinned to one core and called over a pipe."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

_SPAWN = multiprocessing.get_context("spawn")
ANSWER_S = 300.0


class Pinned:
    """The object ``make(*args)`` in a new process on ``core``, whose methods `ask` calls there.

    The core is set before anything is imported or any thread starts, so that all threads of the
    process share it. ``core=None`` leaves the process where the system puts it.
    """

    def __init__(self, core: int | None, make: Callable[..., Any], *args: Any) -> None:
        self._pipe, theirs = _SPAWN.Pipe()
        before = os.sched_getaffinity(0)
        threads = os.environ.get("OMP_NUM_THREADS")
        try:
            if core is not None:
                os.sched_setaffinity(0, {core})
            os.environ["OMP_NUM_THREADS"] = "1"
            self._process = _SPAWN.Process(target=_serve, args=(theirs, make, args), daemon=True)
            self._process.start()
        finally:
            os.sched_setaffinity(0, before)
            os.environ.pop("OMP_NUM_THREADS")
            if threads is not None:
                os.environ["OMP_NUM_THREADS"] = threads
        theirs.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def ask(self, name: str, *args: Any) -> Any:
        """Call ``object.name(*args)``, or get the attribute ``name``, in the other process."""
        self.tell(name, *args)
        return self.answer()

    def tell(self, name: str, *args: Any) -> None:
        """Send the call of `ask`; `answer` fetches its result."""
        self._pipe.send((name, args))

    def answer(self) -> Any:
        """Fetch the result; raises RuntimeError with the error of the other process."""
        if not self._pipe.poll(ANSWER_S):
            raise RuntimeError(f"process {self.pid} gave no answer in {ANSWER_S:.0f} s")
        error, value = self._pipe.recv()
        if error:
            raise RuntimeError(error)
        return value

    def stop(self) -> None:
        self._process.terminate()
        self._process.join()
        self._pipe.close()


def last_cores() -> tuple[int, int]:
    """The core to measure on, and the core for all other processes."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[-1]


def _serve(pipe: Connection, make: Callable[..., Any], args: tuple[Any, ...]) -> None:
    thing: Any = None
    while True:
        try:
            name, arguments = pipe.recv()
        except EOFError:
            return
        try:
            if thing is None:
                thing = make(*args)
            value = getattr(thing, name)
            pipe.send((None, value(*arguments) if callable(value) else value))
        except Exception as error:
            pipe.send((f"{type(error).__name__}: {error}", None))
