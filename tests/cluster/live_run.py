"""A real run in its own process, watched through its status file, for tests that hurt it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

PATIENCE_S = 120.0
"""Long enough for a slow machine; nothing is measured against it."""


class LiveRun:
    """``skill-train run EXPERIMENT --tiny`` with four actors and frequent checkpoints."""

    def __init__(self, folder: Path, experiment: str = "quickstart") -> None:
        self.folder, self.experiment = folder, experiment
        self.process: subprocess.Popen[bytes] | None = None
        self.orphans: list[psutil.Process] = []
        """What was below drivers that have been killed, Ray's own processes included."""

    def start(self) -> None:
        """Begin and wait until every component has answered and the learner has learned."""
        arguments = ["run", self.experiment, "--tiny", "--actors", "4", "--run-dir", self.folder]
        overrides = ["--limits.env-steps", "1000000000", "--checkpoints.every-minutes", "0.03"]
        self._launch([str(a) for a in arguments] + overrides)

    def resume(self) -> None:
        """Continue after the driver's death."""
        self._launch(["resume", str(self.folder)])

    def status(self) -> dict[str, Any]:
        """What the run says of itself."""
        path = self.folder / "status.json"
        return json.loads(path.read_text()) if path.exists() else {"components": []}

    def component(self, name: str) -> dict[str, Any]:
        """One line of ``status --json``'s components."""
        return next(c for c in self.status()["components"] if c["name"] == name)

    def counters(self) -> tuple[int, int]:
        """(environment steps, learner steps) now."""
        status = self.status()
        return status["env_steps"], status["learner_steps"]

    def checkpoints(self) -> list[Path]:
        """Finished checkpoints, oldest first."""
        return sorted(self.folder.glob("checkpoints/[0-9]*"))

    def wait(self, until: Callable[[], bool], what: str) -> None:
        """Look again and again until ``until()``; fails after a long while, naming ``what``."""
        deadline = time.monotonic() + PATIENCE_S
        while not until():
            assert time.monotonic() < deadline, f"waited for {what}: {self.status()} {self.log()}"
            time.sleep(0.1)

    def wait_for_progress(self, env_steps: int = 400, learner_steps: int = 20) -> None:
        """Wait until both counters have grown by so much from now."""
        before = self.counters()
        self.wait(lambda: self.counters()[0] >= before[0] + env_steps, "environment steps")
        self.wait(lambda: self.counters()[1] >= before[1] + learner_steps, "learner steps")

    def kill(self, name: str) -> tuple[int, int]:
        """kill -9 a component and wait until another process stands in; (old, new) restarts."""
        old = self.component(name)
        os.kill(old["pid"], signal.SIGKILL)

        def back() -> bool:
            now = self.component(name)
            return now["pid"] not in (None, old["pid"])

        self.wait(back, f"{name} to come back")
        return old["restarts"], self.component(name)["restarts"]

    def kill_driver(self) -> None:
        """kill -9 the driver and wait until its components have ended by themselves."""
        assert self.process is not None
        components = [psutil.Process(pid) for pid in self.pids() if pid != self.process.pid]
        self.orphans += self.descendants()
        self.process.kill()
        self.process.wait()
        _, alive = psutil.wait_procs(components, timeout=PATIENCE_S)
        assert not alive, f"left behind: {alive}"

    def pids(self) -> list[int]:
        """Every process of the run that its status names."""
        return [c["pid"] for c in self.status()["components"] if c["pid"]]

    def descendants(self) -> list[psutil.Process]:
        """Every process below the driver, Ray's own included."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def terminate(self) -> int:
        """SIGTERM to the driver; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        """End whatever still runs."""
        if self.process is not None and self.process.poll() is None:
            below = self.descendants()
            self.terminate()
            psutil.wait_procs(below, timeout=PATIENCE_S)

    def log(self) -> str:
        """The driver's last output."""
        return (self.folder.parent / "driver.log").read_text()[-2000:]

    def _launch(self, arguments: list[str]) -> None:
        command = [sys.executable, "-m", "skill_train.cluster.cli", *arguments]
        with open(self.folder.parent / "driver.log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.wait(self._is_up, "the run to be up")

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        status = self.status()
        mine = [c for c in status["components"] if c["role"] == "driver"]
        if not mine or mine[0]["pid"] != self.process.pid or status["state"] != "running":
            return False
        return all(c["pid"] for c in status["components"]) and status["learner_steps"] > 0
