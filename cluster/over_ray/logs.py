"""The logs of a run's processes: kept on their nodes, their ends copied into the run's folder.

A process writes to its standard error, which Ray keeps in a file on the process's own node. No
other node need be able to read that file, so a task on that node reads it once the process is dead.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from logging import INFO, basicConfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

if TYPE_CHECKING:
    from skill_train.cluster.over_ray.workers import Whereabouts

TAIL_BYTES = 64 << 10
LAST_SECONDS = 3.0
"""Seconds that the end of a run waits for the processes' logs."""
_RAYS_MARKS = (":job_id:", ":actor_name:", ":task_name:")


def log_to_stderr() -> str:
    """Let this process log to its standard error; returns the file in which Ray keeps it."""
    basicConfig(
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        level=INFO,
        force=True,
    )
    return os.readlink("/proc/self/fd/2")


def tail(path: str) -> str:
    """The last `TAIL_BYTES` of a log file on this node; "" where ``path`` is no file."""
    if not os.path.isfile(path):  # a terminal or a pipe, if Ray is set so
        return ""
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(_RAYS_MARKS))


_tail_there = ray.remote(num_cpus=0, max_retries=0)(tail)


class Logs:
    """The files ``NAME.log`` in the run's ``folder``, one for each component that died or logged.

    Only `last` waits.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._asked: dict[Any, str] = {}
        """The component's name by the reference to the end of its log."""

    def add(self, name: str, text: str) -> None:
        """Append ``text`` to the component's log; "" makes no file."""
        if text:
            with open(self._folder / f"{name}.log", "a") as file:
                file.write(text)

    def died(self, name: str, where: Whereabouts | None, why: str) -> None:
        """Log a death, and ask the node of the process for the end of its log.

        ``where`` is None for a process that never answered: its log cannot be found from here.
        """
        if where is None:
            self.add(name, f"--- died before it was up: {why}\n")
            return
        self.add(name, f"--- process {where.pid} on {where.host} died: {why}\n")
        there = NodeAffinitySchedulingStrategy(where.node, soft=False)
        self._asked[_tail_there.options(scheduling_strategy=there).remote(where.log)] = name

    def collect(self, timeout_s: float = 0.0) -> None:
        """Write the logs that have arrived."""
        if not self._asked:
            return
        asked = list(self._asked)
        for ref in ray.wait(asked, num_returns=len(asked), timeout=timeout_s)[0]:
            name = self._asked.pop(ref)
            try:
                self.add(name, ray.get(ref))
            except RayError as error:
                self.add(name, f"its log cannot be read: {str(error).strip().splitlines()[0]}\n")

    def last(self, alive: Mapping[str, Any]) -> None:
        """Write the present logs of the live processes, which are given as handles by name."""
        self._asked.update({handle.log.remote(): name for name, handle in alive.items()})
        self.collect(LAST_SECONDS)
