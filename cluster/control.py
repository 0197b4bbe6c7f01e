"""Status and stop of a run from another process."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from skill_train.cluster.errors import RunError
from skill_train.cluster.store.records import ENDED, Status
from skill_train.cluster.store.run_dir import RunDir, all_runs

STOP_SECONDS = 30.0


def status(run: RunDir) -> dict[str, Any]:
    """The status that a run's driver wrote last, with the run's path and experiment."""
    about = {"run": str(run.path), "experiment": run.config.experiment}
    return about | dataclasses.asdict(run.read_status())


def status_of_all() -> list[dict[str, Any]]:
    """`status` of every run below ``runs/``; the error where a run cannot be read."""
    found = []
    for run in all_runs():
        try:
            found.append(status(run))
        except RunError as error:
            unreadable = dataclasses.asdict(Status("unreadable", error=str(error)))
            found.append({"run": str(run.path), "experiment": None} | unreadable)
    return found


def stop(
    run: RunDir,
    timeout_s: float = STOP_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Ask a run's driver to save and end; returns the run's last state.

    A run that has ended already is left alone. Raises RunError where it does not end in time, runs
    on another machine, or names a process that does not run it.
    """
    found = run.read_status()
    if found.state in ENDED:
        return found.state
    if found.state == "new":
        raise RunError(f"{run.path} has not been started yet, so there is nothing to stop")
    if found.pid is None or found.host != socket.gethostname():
        raise RunError(f"{run.path} runs on {found.host}; stop it there")
    if not run.held_by(found.pid):
        now = run.read_status()
        if now.state in ENDED:
            return now.state
        raise RunError(
            f"{run.path} names process {found.pid} as its driver, which does not run it, so it is "
            "left alone"
        )
    try:
        os.kill(found.pid, signal.SIGTERM)
    except ProcessLookupError:
        return run.read_status().state
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        state = run.read_status().state
        if state in ENDED:
            return state
        sleep(0.1)
    raise RunError(
        f"{run.path} was asked to stop and still runs after {timeout_s:g} s; "
        f"its driver is process {found.pid}"
    )
