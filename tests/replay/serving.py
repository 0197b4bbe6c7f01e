"""A replay server in its own process, asked over a pipe: nothing is drawn where it serves."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
from typing import Any

_SPAWN = multiprocessing.get_context("spawn")


def port_to_keep() -> int:
    """A free port for a server that starts later, or again: another process does not get it.

    The system gives ports from 32768 up to whoever asks for any; this is below, in a hundred of
    this process's own.
    """
    first = 20_000 + 100 * (os.getpid() % 100)
    for port in range(first, first + 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("", port))
            return port
    raise AssertionError(f"no port from {first} on is free")


class ServerProcess:
    """A `ReverbReplay` made of the same arguments in a new process, ready when this returns."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._pipe, theirs = _SPAWN.Pipe()
        self.process = _SPAWN.Process(target=_serve, args=(theirs, args, kwargs), daemon=True)
        self.process.start()
        theirs.close()
        try:
            self.address: str = self._answer()
        except ValueError:
            self.stop()
            raise

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":", 1)[1])

    def ask(self, method: str, *args: Any) -> Any:
        """What ``replay.method(*args)`` returns; its ValueError is raised here."""
        self._pipe.send((method, args))
        return self._answer()

    def kill(self) -> None:
        """SIGKILL: no goodbye to anyone."""
        self.process.kill()
        self.process.join()

    def stop(self) -> None:
        if self.process.is_alive():
            with contextlib.suppress(OSError, EOFError):
                self.ask("close")
        self._pipe.close()
        self.process.join(20)
        if self.process.is_alive():
            self.kill()
            raise AssertionError("the replay server did not stop")

    def _answer(self) -> Any:
        if not self._pipe.poll(60):
            raise AssertionError("the replay server's process does not answer")
        kind, value = self._pipe.recv()
        if kind == "error":
            raise ValueError(value)
        return value


def _serve(pipe: Any, args: Any, kwargs: Any) -> None:
    from skill_train.replay.server import ReverbReplay

    try:
        replay = ReverbReplay(*args, **kwargs)
    except ValueError as error:
        pipe.send(("error", str(error)))
        return
    pipe.send(("value", replay.address))
    while True:
        method, arguments = pipe.recv()
        try:
            pipe.send(("value", getattr(replay, method)(*arguments)))
        except ValueError as error:
            pipe.send(("error", str(error)))
        if method == "close":
            return
