"""The JSON files of a run as dataclasses, which are read here and only here.

A file that is damaged, or of something else, is an error that names the field. Fields that this
version does not know are ignored.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from skill_train.cluster.errors import RunError

ENDED = ("finished", "stopped", "failed", "dead")
"""States of a run that no process runs any more."""
STATES = ("new", "starting", "running", "unreadable", *ENDED)
MAX_SEED = 2**32 - 1
COUNTERS = (
    "env_steps", "learner_steps", "episodes", "environment_failures", "elapsed_seconds",
)  # fmt: skip
"""Counters that every checkpoint has."""

T = TypeVar("T")


@dataclass(frozen=True)
class Config:
    """``config.json``: the settings that a run was started with."""

    experiment: str
    overrides: tuple[str, ...]
    seed: int
    tiny: bool
    inline: bool
    resolved: Any = None
    """The stage with all its fields at the run's beginning, for reading and comparing."""
    adopted_from: str | None = None
    """The run that this is a copy of, for another run to start from; None if it is no copy."""
    modules: tuple[str, ...] = ()
    """Modules and files from outside that the user named. This record alone never imports them."""

    def __post_init__(self) -> None:
        if not 0 <= self.seed <= MAX_SEED:
            raise ValueError(f"seed must be from 0 to {MAX_SEED}, not {self.seed}")
        if not all(one.isprintable() for one in self.modules):
            raise ValueError(f"modules must be printable, not {self.modules}")


@dataclass(frozen=True)
class Component:
    """One process of a run; ``pid`` and ``address`` are None while it starts."""

    role: str
    name: str
    pid: int | None
    address: str | None
    restarts: int


@dataclass(frozen=True)
class Status:
    """``status.json``: the state of a run as its driver wrote it last."""

    state: str
    env_steps: int = 0
    learner_steps: int = 0
    components: tuple[Component, ...] = ()
    prometheus: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str | None = None
    pid: int | None = None
    """The driver's process."""
    pid_started: float | None = None
    """Start of that process, in seconds since 1970, as a later process may get the same number."""
    host: str | None = None
    updated: float | None = None
    """Time of writing, in seconds since 1970."""

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise ValueError(f"state must be one of {', '.join(STATES)}, not {self.state!r}")
        if self.pid is not None and not 0 < self.pid < 2**31:
            raise ValueError(f"pid must be above 0, not {self.pid}")


@dataclass(frozen=True)
class Manifest:
    """``manifest.json``: the contents of a checkpoint."""

    counters: Mapping[str, int | float]
    score: float | None
    files: Mapping[str, str]
    """SHA-256 by path, relative to the checkpoint's folder and inside it."""

    def __post_init__(self) -> None:
        missing = [name for name in COUNTERS if name not in self.counters]
        if missing:
            raise ValueError(f"counters lack {', '.join(missing)}")
        for name in self.files:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"files name {name!r}, which lies outside the checkpoint")


def read(path: Path, kind: type[T]) -> T:
    """The JSON file at ``path`` as a ``kind``; raises RunError that says what is wrong with it."""
    try:
        return parse(path.read_text(), kind)
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RunError(f"{path} is damaged, or not from a run: {error}") from error


def parse(text: str, kind: type[T]) -> T:
    """JSON as a dataclass ``kind``; raises ValueError that says what is wrong with it."""
    try:
        return _fit("all of it", kind, json.loads(text))
    except (RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from error


def _fit(name: str, hint: Any, value: Any) -> Any:
    """``value``, from JSON, as the type ``hint``; raises ValueError where it has another type."""
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin is types.UnionType:
        return _fit_one_of(name, inside, value)
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return _fit_fields(hint, value)
    if origin is tuple and isinstance(value, list):
        return tuple(_fit(name, inside[0], item) for item in value)
    if origin is Mapping and isinstance(value, dict):
        return {key: _fit(f"{name}.{key}", inside[1], item) for key, item in value.items()}
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is hint:
        return value
    raise ValueError(f"{name} cannot be {str(value)[:40]!r}")


def _fit_one_of(name: str, hints: tuple[Any, ...], value: Any) -> Any:
    for hint in hints[:-1]:
        try:
            return _fit(name, hint, value)
        except ValueError:
            continue
    return _fit(name, hints[-1], value)


def _fit_fields(kind: Any, values: Mapping[str, Any]) -> Any:
    hints = typing.get_type_hints(kind)
    found = {}
    for one in dataclasses.fields(kind):
        if one.name in values:
            found[one.name] = _fit(one.name, hints[one.name], values[one.name])
        elif one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING:
            raise ValueError(f"{one.name} is missing")
    return kind(**found)
