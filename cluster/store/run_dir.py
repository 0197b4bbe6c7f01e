"""A run's directory: its settings, machine, status, metrics and checkpoints.

These are ``config.json``, ``environment.json``, ``status.json``, ``metrics.csv``, ``tensorboard/``
and ``checkpoints/``. Every file appears whole; nothing is read by pickle. A run that starts from
another's end has that run, or a copy of its newest checkpoint, in ``source/``.
"""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skill_train.cluster.errors import RunError
from skill_train.cluster.store import records
from skill_train.cluster.store.atomic import create_json, write_brief_json, write_json
from skill_train.cluster.store.checkpoints import Checkpoints
from skill_train.cluster.store.records import ENDED, Config, Status

RUNS = Path("runs")
CONFIG, STATUS, LOCK = "config.json", "status.json", ".lock"
SOURCE, CHECKPOINTS = "source", "checkpoints"


class RunDir:
    """One run's directory; make it with `create` or `open`."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.checkpoints = Checkpoints(self.path / CHECKPOINTS)

    @staticmethod
    def create(
        path: str | Path | None,
        experiment: str,
        overrides: Sequence[str],
        stage: Any,
        seed: int,
        *,
        tiny: bool = False,
        inline: bool = False,
        modules: Sequence[str] = (),
    ) -> RunDir:
        """Make a new run at ``path``, or at ``runs/EXPERIMENT-TIME``.

        ``stage`` is recorded for reading only: a run is resumed from its experiment's name and
        overrides. Raises RunError where something is already there, or nothing can be written.
        """
        from skill_train.cluster import machine

        config = Config(
            experiment, tuple(overrides), seed, tiny, inline, plain(stage), modules=tuple(modules)
        )
        where = RUNS if path is None else Path(path)
        try:
            where = _new_folder(experiment) if path is None else _empty_folder(where)
            create_json(where / CONFIG, dataclasses.asdict(config))
            write_json(where / "environment.json", machine.describe())
        except FileExistsError as error:
            raise RunError(
                f"{where} already exists and is not empty; choose another --run-dir, or continue "
                f"what is there with: skill-train resume {where}"
            ) from error
        except OSError as error:
            raise RunError(f"cannot write the run to {where}: {error.strerror}") from error
        return RunDir(where)

    @staticmethod
    def open(path: str | Path) -> RunDir:
        """The run at ``path`` (or ``runs/path``); raises RunError, with the runs that there are."""
        for where in (Path(path), RUNS / path):
            if (where / CONFIG).is_file():
                return RunDir(where)
        there = [run.path.name for run in all_runs()]
        known = f"runs/ holds {', '.join(there[-8:])}" if there else "runs/ holds no runs yet"
        what = "is not a run (no config.json)" if Path(path).exists() else "does not exist"
        raise RunError(f"{path} {what}; {known}")

    @property
    def source(self) -> RunDir | None:
        """The run inside this one, from whose end this one starts; None if there is none."""
        path = self.path / SOURCE
        return RunDir(path) if (path / CONFIG).is_file() else None

    def adopt(self, run: RunDir, with_replay: bool = False) -> None:
        """Keep a copy of ``run``'s newest checkpoint as this one's source.

        ``with_replay`` copies its rows too, as hard links where both are on one disk. Raises
        RunError where it has no checkpoint.
        """
        checkpoint = run.checkpoints.load_latest(with_replay)
        if checkpoint is None:
            raise RunError(f"{run.path} has no checkpoint yet, so nothing can start from it")
        copy = self.path / SOURCE
        copy.mkdir()
        if run.source is not None:
            shutil.copytree(run.source.path, copy / SOURCE)
        shutil.copy2(run.path / "environment.json", copy)
        Checkpoints(copy / CHECKPOINTS).save(
            checkpoint.counters,
            checkpoint.learner_state,
            score=checkpoint.score,
            replay_from=checkpoint.path if with_replay else None,
        )
        config = dataclasses.replace(run.config, adopted_from=str(run.path))
        write_json(copy / CONFIG, dataclasses.asdict(config))

    @property
    def adopted(self) -> bool:
        """Whether this is a copy made by `adopt`, to start from and not to be trained."""
        return self.config.adopted_from is not None

    @property
    def config(self) -> Config:
        """The settings that `create` recorded; raises RunError where the file is damaged."""
        return records.read(self.path / CONFIG, Config)

    def write_status(self, values: Mapping[str, Any]) -> None:
        """Write the run's status, with this process (the driver), its host, and the time added."""
        about = {
            "pid": os.getpid(),
            "pid_started": _process_started(os.getpid()),
            "host": socket.gethostname(),
            "updated": time.time(),
        }
        write_brief_json(self.path / STATUS, {**values, **about})

    def read_status(self) -> Status:
        """The status that was written last; ``state`` is "new" before the first.

        While the run's source is being trained, this is the source's status. The state is corrected
        to "dead" where a run should be running and its driver is gone. Raises RunError where the
        file is damaged.
        """
        if not (self.path / STATUS).is_file():
            before = self.source.read_status() if self.source is not None else None
            if before is not None and before.state != "finished":
                return before
            return Status("new")
        status = records.read(self.path / STATUS, Status)
        if status.state not in ENDED and not driver_is_alive(status):
            return dataclasses.replace(status, state="dead")
        return status

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Hold the run as its only driver, and remove files that a killed one left half written.

        Raises RunError when another process holds the run.
        """
        with open(self.path / LOCK, "a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno != errno.EWOULDBLOCK:
                    raise RunError(
                        f"{self.path} cannot be locked ({error.strerror}), so that two processes "
                        "could run it; put runs on a file system with locks"
                    ) from error
                raise RunError(
                    f"{self.path} is being run by another process; see it with: "
                    f"skill-train status {self.path}"
                ) from error
            self.clean()
            yield
            self.clean()

    def held_by(self, pid: int) -> bool:
        """Whether process ``pid`` runs the run, or the source that is trained first.

        Raises RunError where the process belongs to another user, so that this cannot be seen.
        """
        import psutil

        try:
            opened = {file.path for file in psutil.Process(pid).open_files()}
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied as error:
            raise RunError(
                f"process {pid}, which {self.path} names as its driver, belongs to another user"
            ) from error
        run: RunDir | None = self
        while run is not None:
            if str((run.path / LOCK).resolve()) in opened:
                return True
            run = run.source
        return False

    def clean(self) -> None:
        """Remove files that a kill left half written; only for the process that runs the run."""
        self.checkpoints.clean()
        shutil.rmtree(self.path / ".scratch", ignore_errors=True)
        for path in self.path.glob(".*.tmp"):
            path.unlink(missing_ok=True)

    def scratch(self) -> Path:
        """A hidden folder on the checkpoints' disk for files needed only while the run runs."""
        path = self.path / ".scratch"
        path.mkdir(exist_ok=True)
        return path


def all_runs() -> list[RunDir]:
    """The runs below ``runs/``, oldest first."""
    found = [path.parent for path in RUNS.glob(f"*/{CONFIG}")]
    return [RunDir(path) for path in sorted(found, key=lambda p: p.stat().st_mtime)]


def driver_is_alive(status: Status) -> bool:
    """Whether the process that wrote ``status`` still runs; assumed so on another host."""
    if status.pid is None or status.pid_started is None:
        return False
    if status.host != socket.gethostname():
        return True
    return _process_started(status.pid) == status.pid_started


def plain(value: Any) -> Any:
    """Nested dataclasses as dictionaries whose first entry is their type, for reading."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"type": type(value).__name__, **fields}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return getattr(value, "__qualname__", None) or str(value)


def _empty_folder(path: Path) -> Path:
    """Make the folder ``path`` if it is missing; raises FileExistsError where it is not empty."""
    path.mkdir(parents=True, exist_ok=True)
    if any(path.iterdir()):
        raise FileExistsError(path)
    return path


def _new_folder(experiment: str) -> Path:
    """Make a folder below ``runs/`` that no other process has made."""
    RUNS.mkdir(exist_ok=True)
    stamp = f"{experiment.replace('/', '_')}-{time.strftime('%Y%m%d-%H%M%S')}"
    path, count = RUNS / stamp, 1
    while True:
        try:
            path.mkdir()
            return path
        except FileExistsError:
            count += 1
            path = RUNS / f"{stamp}-{count}"


def _process_started(pid: int) -> float | None:
    """The process's start, as a later process may get the same number; None if it has gone."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None
