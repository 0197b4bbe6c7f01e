"""The part of the driver that every run shares: limits, signals, due dates and reports."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from types import FrameType, TracebackType
from typing import Any

from skill_train.actors.evaluator import Evaluation
from skill_train.cluster.loop.console import Console
from skill_train.cluster.loop.metrics import Metrics
from skill_train.cluster.loop.progress import Progress
from skill_train.cluster.store.run_dir import RunDir
from skill_train.experiments.spec import Stage

log = logging.getLogger(__name__)

STATUS_SECONDS = 1.0
METRICS_SECONDS = 5.0


class Driver:
    """The clock and reporter of one run; use it in a ``with`` block.

    SIGTERM and Ctrl-C only set `stopping`: the run's own loop ends in good order, with a
    checkpoint. The state in ``status.json`` is "starting", then "running", and in the end
    "finished", "stopped" or "failed".
    """

    def __init__(self, stage: Stage, run: RunDir) -> None:
        self.stopping = False
        self.progress = Progress(stage.limits)
        self._stage, self._run = stage, run
        self._metrics = Metrics(run, prometheus_port=0)
        self._console = Console(run, self._metrics.prometheus_address)
        self._state = "starting"
        self._components: Sequence[Mapping[str, Any]] = ()
        self._status_at = self._metrics_at = 0.0
        self._refused = 0
        self._evaluated_at = self._evaluation_clock
        self._checkpointed_at = time.monotonic()
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Driver:
        self.listen()
        self._write_status()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._state = "failed"
        else:
            self._state = "stopped" if self.stopping else "finished"
        self._components = ()
        try:
            self._write_status(error=str(error) if error is not None else None)
        finally:
            self._console.close()
            self._metrics.close()
            for number, handler in self._handlers.items():
                signal.signal(number, handler)

    def listen(self) -> None:
        """Handle SIGTERM, SIGHUP and Ctrl-C; to be repeated after Ray has taken them itself."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            before = signal.signal(number, self._stop)
            self._handlers.setdefault(number, before)

    def restore(self, counters: Mapping[str, int | float]) -> None:
        """Continue from a checkpoint's counters."""
        self.progress.restore(counters)
        self._evaluated_at = self._evaluation_clock

    def say(self, what: str) -> None:
        """Show ``what`` the run is doing now."""
        self._console.say(what)

    def running(self) -> None:
        """Note that training has begun."""
        self._state = "running"
        self._checkpointed_at = time.monotonic()

    def over(self) -> bool:
        """Whether the run should end: a limit is reached, or a stop was asked for."""
        if self.stopping:
            return True
        reached = self.progress.limit_reached()
        if reached is not None:
            self.say(f"reached {reached}")
        return reached is not None

    def evaluation_due(self) -> bool:
        """Whether an evaluation is due by the stage's interval; a True starts the next interval."""
        evaluation, now = self._stage.evaluation, self._evaluation_clock
        due = now - self._evaluated_at >= (
            evaluation.every_learner_steps or evaluation.every_env_steps
        )
        if due:
            self._evaluated_at = now
        return due

    @property
    def _evaluation_clock(self) -> int:
        by_updates = self._stage.evaluation.every_learner_steps is not None
        return self.progress.learner_steps if by_updates else self.progress.env_steps

    def checkpoint_due(self) -> bool:
        """Whether a checkpoint is due by the stage's interval; a True starts the next interval."""
        now = time.monotonic()
        due = now - self._checkpointed_at >= 60.0 * self._stage.checkpoints.every_minutes
        if due:
            self._checkpointed_at = now
        return due

    def add_evaluation(self, evaluation: Evaluation) -> None:
        """Count the newest evaluation and write it into the metrics at the next tick."""
        self.progress.add_evaluation(evaluation)
        self._metrics_at = 0.0

    def tick(self, components: Sequence[Mapping[str, Any]], force: bool = False) -> None:
        """Update status, metrics and console, each when it is due, or all with ``force``."""
        now = time.monotonic()
        self._components = components
        if not force and now - self._status_at < STATUS_SECONDS:
            return
        self._status_at = now
        values = self.progress.snapshot()
        try:
            self._write_status(values)
        except OSError as error:
            log.warning("status.json was not written (%s); the run goes on", error)
        self._console.update(values, self.progress.env_steps, self.progress.learner_steps)
        if force or now - self._metrics_at >= METRICS_SECONDS:
            self._metrics_at = now
            progress = self.progress
            self._metrics.write(values, progress.env_steps, progress.learner_steps)

    def note_refused(self, metrics: Mapping[str, float]) -> None:
        """Log each time that an on-policy learner has refused data that was too old."""
        refused = int(metrics.get("stale_batches_total", 0))
        if refused > self._refused:
            self.say(f"warning: {refused} batches of data more than one batch old were left out")
        self._refused = refused

    def results(self) -> dict[str, Any]:
        """The run's final counters and last evaluation."""
        results: dict[str, Any] = dict(self.progress.counters())
        evaluation = self.progress.last_evaluation
        if evaluation is not None:
            results["return_mean"] = evaluation.return_mean
            if evaluation.success_rate is not None:
                results["success_rate"] = evaluation.success_rate
            if evaluation.return_per_episode:
                results["return_per_episode"] = evaluation.return_per_episode
            results["evaluation_episodes"] = len(evaluation.episodes)
        return results

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True
        self.say("stopping: saving a last checkpoint")

    def _write_status(
        self, values: Mapping[str, float] | None = None, error: str | None = None
    ) -> None:
        driver = {
            "role": "driver",
            "name": "driver",
            "pid": os.getpid(),
            "address": socket.gethostname(),
            "restarts": 0,
        }
        alive = self._state in ("starting", "running")
        self._run.write_status(
            {
                "state": self._state,
                "env_steps": self.progress.env_steps,
                "learner_steps": self.progress.learner_steps,
                "components": [driver, *self._components] if alive else [],
                "prometheus": self._metrics.prometheus_address if alive else None,
                "metrics": dict(values or self.progress.snapshot()),
                "error": error,
            }
        )
