"""Checkpoints of a run: written atomically, checked when read, old ones removed.

A checkpoint is a folder named after its learner step with ``learner.pt`` (tensors and plain
numbers, read with ``weights_only``), perhaps ``replay/``, and ``manifest.json``: counters, score
and the SHA-256 of every other file. It is written into a hidden folder, the manifest last, and
appears by one rename; so a named one is whole, unless the disk harmed it later, and the hashes
show that.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import io
import logging
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skill_train.cluster.errors import RunError
from skill_train.cluster.store.atomic import sync_folder, write_bytes, write_json
from skill_train.cluster.store.records import Manifest, parse

log = logging.getLogger(__name__)

LEARNER = "learner.pt"
REPLAY = "replay"
MANIFEST = "manifest.json"
NAME = re.compile(r"[0-9]+(-[0-9]+)?")
"""Learner step, and the number among several checkpoints of that step."""
DAMAGE = (ValueError, FileNotFoundError, NotADirectoryError, IsADirectoryError)
"""Errors of a checkpoint that is damaged for good, in contrast to one that cannot be read now."""
FULL_BELOW = 1 << 20
"""Free bytes below which a failed write of any kind is put down to a full disk."""


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint, read back."""

    path: Path
    counters: dict[str, int | float]
    learner_state: dict[str, Any]
    replay: Path | None
    """Folder with the tables; None where they were not saved."""
    score: float | None


class Checkpoints:
    """The checkpoints below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def paths(self) -> list[Path]:
        """Folders of all checkpoints, newest first; other folders, such as copies, are left out."""
        if not self.folder.is_dir():
            return []
        named = [p for p in self.folder.iterdir() if NAME.fullmatch(p.name) and p.is_dir()]
        return sorted(named, key=_order, reverse=True)

    def clean(self) -> None:
        """Remove files that a kill left half written; only for the process that runs the run."""
        if self.folder.is_dir():
            for path in self.folder.glob(".*"):
                shutil.rmtree(path, ignore_errors=True)

    def save(
        self,
        counters: Mapping[str, int | float],
        learner_state: Mapping[str, Any],
        save_replay: Callable[[Path], None] | None = None,
        *,
        score: float | None = None,
        replay_from: Path | None = None,
        keep: int = 3,
    ) -> Path:
        """Write a checkpoint, then remove all but the last ``keep`` and the best-scored.

        ``counters`` has at least `records.COUNTERS`. ``save_replay`` fills a new, empty folder with
        the tables; instead, ``replay_from``, an earlier checkpoint, gives its tables by hard links.
        Raises RunError when the disk is full; earlier checkpoints are untouched by any failure.
        """
        aside = self.folder / f".tmp-{os.getpid()}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            files = _write_learner(aside, learner_state)
            if save_replay is not None:
                (aside / REPLAY).mkdir()
                save_replay(aside / REPLAY)
                files |= _sync_and_hash(aside / REPLAY, aside)
            elif replay_from is not None and (replay_from / REPLAY).is_dir():
                files |= _link_replay(replay_from, aside)
            manifest = dataclasses.asdict(Manifest(dict(counters), score, files))
            write_json(aside / MANIFEST, {"version": 1, **manifest})
            path = self._free_name(int(counters["learner_steps"]))
            aside.rename(path)
            sync_folder(self.folder)
        except BaseException as error:
            shutil.rmtree(aside, ignore_errors=True)
            if isinstance(error, Exception) and _disk_is_full(error, self.folder):
                raise RunError(
                    f"the disk is full: no checkpoint could be written to {self.folder}; the "
                    "earlier ones are untouched, so free some space and resume the run"
                ) from error
            raise
        try:
            self._remove_old(path, keep)
        except OSError as error:
            log.warning("old checkpoints in %s stay for now: %s", self.folder, error)
        return path

    def load_latest(self, with_replay: bool = True) -> Checkpoint | None:
        """The newest intact checkpoint, or None when there is none at all.

        A damaged checkpoint is named in a warning and the one before it taken. Raises RunError when
        all are damaged, or where the disk does not let one be read: going on from the one before
        would remove it. ``with_replay=False`` neither checks nor returns the tables.
        """
        return self._first_intact(self.paths(), with_replay)

    def load_best(self, with_replay: bool = False) -> Checkpoint | None:
        """The intact checkpoint with the best score; the newest where none has a score.

        Raises RunError as `load_latest` does.
        """
        try:
            scored = [(s, p) for p in self.paths() if (s := _score(p)) is not None]
        except OSError as error:
            raise _unreadable(error) from error
        scored.sort(key=lambda pair: pair[0], reverse=True)
        best = [path for _, path in scored]
        return self._first_intact(best + [p for p in self.paths() if p not in best], with_replay)

    def _first_intact(self, paths: list[Path], with_replay: bool) -> Checkpoint | None:
        damage = ""
        for path in paths:
            try:
                return _load(path, with_replay)
            except DAMAGE as error:
                damage = str(error)
                log.warning("checkpoint %s is damaged (%s); taking the one before", path, damage)
            except OSError as error:
                raise _unreadable(error) from error
        if paths:
            raise RunError(
                f"none of the {len(paths)} checkpoints in {self.folder} is intact (the last one "
                f"tried: {damage}); restore one from a copy or start a new run"
            )
        return None

    def _free_name(self, learner_steps: int) -> Path:
        """A new folder, sorted after all checkpoints of the same step; nothing is overwritten."""
        counts = [n for step, n in map(_order, self.paths()) if step == learner_steps]
        suffix = f"-{max(counts) + 1}" if counts else ""
        return self.folder / f"{learner_steps:09d}{suffix}"

    def _remove_old(self, saved: Path, keep: int) -> None:
        """Remove old checkpoints, and later ones than ``saved``, which must be damaged."""
        ahead = [p for p in self.paths() if _order(p) > _order(saved)]
        past = [p for p in self.paths() if p not in ahead]
        scored = [(score, p) for p in past if (score := _score(p)) is not None]
        best = max(scored, key=lambda pair: (pair[0], _order(pair[1])))[1] if scored else None
        for path in ahead + past[max(keep, 1) :]:
            if path != best:
                # Hidden first: a kill while its files go must not leave a damaged checkpoint.
                hidden = path.with_name(f".old-{path.name}")
                path.rename(hidden)
                shutil.rmtree(hidden, ignore_errors=True)


def _order(path: Path) -> tuple[int, int]:
    step, _, count = path.name.partition("-")
    return int(step), int(count or 1)


def _write_learner(folder: Path, state: Mapping[str, Any]) -> dict[str, str]:
    import torch

    buffer = io.BytesIO()  # torch's own file writer hides the disk's errors
    torch.save(dict(state), buffer)
    data = buffer.getbuffer()
    write_bytes(folder / LEARNER, bytes(data))
    return {LEARNER: hashlib.sha256(data).hexdigest()}


def _sync_and_hash(folder: Path, root: Path) -> dict[str, str]:
    hashes = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with open(path, "rb") as file:
            hashes[path.relative_to(root).as_posix()] = hashlib.file_digest(
                file, "sha256"
            ).hexdigest()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    sync_folder(folder)
    return hashes


def _link_replay(earlier: Path, folder: Path) -> dict[str, str]:
    known = _manifest(earlier).files
    shutil.copytree(earlier / REPLAY, folder / REPLAY, copy_function=_link_or_copy)
    return {name: value for name, value in known.items() if name.startswith(REPLAY + "/")}


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise
        shutil.copy2(source, target)


def _load(path: Path, with_replay: bool) -> Checkpoint:
    import torch

    manifest = _manifest(path)
    data = b""
    for name, expected in manifest.files.items():
        if name != LEARNER and not with_replay:
            continue
        if not (path / name).is_file():
            raise FileNotFoundError(f"{name} is missing")
        with open(path / name, "rb") as file:
            if name == LEARNER:
                data = file.read()
                found = hashlib.sha256(data).hexdigest()
            else:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise ValueError(f"{name} is not what was written")
    try:
        state = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
    except (OSError, MemoryError):
        raise
    except Exception as error:
        raise ValueError(f"{LEARNER} holds more than tensors and plain numbers") from error
    if not isinstance(state, dict) or "agent" not in state:
        raise ValueError(f"{LEARNER} holds no agent")
    has_tables = any(name.startswith(REPLAY + "/") for name in manifest.files)
    replay = path / REPLAY if with_replay and has_tables else None
    return Checkpoint(path, dict(manifest.counters), state, replay, manifest.score)


def _unreadable(error: OSError) -> RunError:
    return RunError(
        f"a checkpoint cannot be read ({error.filename}: {error.strerror}), which need not be for "
        "good: try again, or move it away to take the one before"
    )


def _manifest(path: Path) -> Manifest:
    """The manifest of a checkpoint; raises OSError, or ValueError where it is damaged."""
    return parse((path / MANIFEST).read_text(), Manifest)


def _score(path: Path) -> float | None:
    try:
        return _manifest(path).score
    except DAMAGE:
        return None


def _disk_is_full(error: Exception, folder: Path) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    try:
        return shutil.disk_usage(folder).free < FULL_BELOW
    except OSError:
        return False
