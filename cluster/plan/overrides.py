"""Typed overrides of any field of a stage: ``--agent.kl-cost 1e-3``, ``agent.kl_cost=1e-3``.

tyro parses the values by the types of the dataclasses; the class that a field holds stays as the
experiment chose it. Every mistake becomes one sentence.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import io
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from skill_train.cluster.errors import RunError
from skill_train.experiments.data import FromDatasets
from skill_train.experiments.spec import Stage
from skill_train.skill_agents.ranges import FINITE, Range

SPELLED_OUT = re.compile(r"^--([A-Za-z][\w.-]*)(?:=(.*))?$", re.DOTALL)
ASSIGNED = re.compile(r"^([A-Za-z][\w.-]*)=(.*)$", re.DOTALL)


class Field(NamedTuple):
    """One value that can be overridden."""

    kind: str
    """The value's type, as written in the source."""
    value: Any
    range: Range = FINITE
    """The range of the value's number, or of each of its numbers."""


def apply(stage: Stage, args: Sequence[str]) -> Stage:
    """``stage`` with the fields that ``args`` name replaced; the last one counts.

    Raises RunError for a name that does not exist, with the closest name, and for a value that
    does not fit, with the type.
    """
    given = _split(args)
    stage, given = _take_data(stage, given)
    known = fields(stage)
    line: list[str] = []
    for name, values in given:
        if name not in known:
            raise RunError(_unknown(name, known))
        if not values:
            raise RunError(f"--{name} needs a value: {known[name].kind}")
        line += [f"--{name}", *_separate(values, known[name].kind)]
    if not line:
        return stage
    try:
        return _parse(stage, line)
    except ValueError as error:
        for name, values in given:
            if _is_wrong(stage, name, _separate(values, known[name].kind)):
                raise RunError(
                    f"--{name} cannot be {' '.join(values)!r}: it takes {known[name].kind} "
                    f"(the experiment has {_shown(known[name].value)})"
                ) from None
        raise RunError(f"the overrides do not fit together: {error}") from error


def _take_data(
    stage: Stage, given: Sequence[tuple[str, list[str]]]
) -> tuple[Stage, list[tuple[str, list[str]]]]:
    """The stage with the Minari datasets of ``--data NAME...``, and the other overrides."""
    rest = [one for one in given if one[0] != "data"]
    for _, values in (one for one in given if one[0] == "data"):
        if not values:
            raise RunError("--data needs the names of Minari datasets, such as reacher/medium-v0")
        if stage.data is None:
            raise RunError("--data is for experiments that learn from data; this one acts itself")
        names = tuple(_separate(values, "tuple"))
        stage = replace(stage, data=FromDatasets(names, stage.data.relabel))
    return stage, rest


def fields(stage: Stage) -> dict[str, Field]:
    """Every field that can be overridden, by the name used on the command line."""
    return dict(_walk("", stage))


def describe(stage: Stage) -> str:
    """A line for each field that can follow ``skill-train run EXPERIMENT``."""
    rows = [(f"--{name}", f.kind, _shown(f.value)) for name, f in fields(stage).items()]
    wide = max(len(name) for name, _, _ in rows)
    return "\n".join(f"{name:<{wide}}  {value}  ({kind})" for name, kind, value in rows)


def _walk(prefix: str, value: Any) -> list[tuple[str, Field]]:
    hints = typing.get_type_hints(type(value))
    detailed = typing.get_type_hints(type(value), include_extras=True)
    found: list[tuple[str, Field]] = []
    for field in dataclasses.fields(value):
        name, inner = f"{prefix}{field.name.replace('_', '-')}", getattr(value, field.name)
        if dataclasses.is_dataclass(inner):
            found += _walk(f"{name}.", inner)
        elif isinstance(inner, Mapping):
            found += [
                (f"{name}.{key.replace('_', '-')}", Field(type(item).__name__, item))
                for key, item in inner.items()
                if isinstance(item, bool | int | float | str)
            ]
        elif not _cannot_be_typed(hints[field.name]):
            kind, range_ = _type_name(hints[field.name]), _range(detailed[field.name])
            found.append((name, Field(kind, inner, range_ or FINITE)))
    return found


def _range(hint: Any) -> Range | None:
    """The first range that a type carries, however deep inside it."""
    for inside in (*getattr(hint, "__metadata__", ()), *typing.get_args(hint)):
        found = inside if isinstance(inside, Range) else _range(inside)
        if found is not None:
            return found
    return None


def _cannot_be_typed(hint: Any) -> bool:
    """Whether a type has objects or functions, which no command line can give."""
    if typing.get_origin(hint) is Callable:
        return True
    if isinstance(hint, type) and not typing.get_args(hint):
        return not issubclass(hint, int | float | str | types.NoneType)
    return any(map(_cannot_be_typed, typing.get_args(hint)))


def _type_name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)


def _split(args: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Name (with hyphens) and values of each override."""
    given: list[tuple[str, list[str]]] = []
    for arg in args:
        match = SPELLED_OUT.match(arg) or ASSIGNED.match(arg)
        if match:
            name, value = match.groups()
            given.append((name.replace("_", "-"), [] if value is None else [value]))
        elif given:
            given[-1][1].append(arg)
        else:
            raise RunError(
                f"{arg!r} is not an override; write --name value or name=value, such as "
                "--limits.minutes 5"
            )
    return given


def _separate(values: Sequence[str], kind: str) -> list[str]:
    """Split values such as ``64,64`` where the type is a tuple."""
    if not kind.startswith("tuple"):
        return list(values)
    return [part for value in values for part in re.split(r"[,\s]+", value.strip("()[] ")) if part]


def _parse(stage: Stage, line: Sequence[str]) -> Stage:
    """Parse by tyro; raises ValueError with its message instead of ending the process."""
    import tyro

    config = (tyro.conf.AvoidSubcommands, tyro.conf.FlagConversionOff)
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed), contextlib.redirect_stdout(printed):
            parsed: Stage = tyro.cli(Stage, default=stage, args=list(line), config=config)
    except SystemExit:
        raise ValueError(_reason(printed.getvalue())) from None
    except (TypeError, LookupError, ArithmeticError) as error:  # from the dataclasses' own checks
        raise ValueError(str(error)) from error
    return parsed


def _reason(box: str) -> str:
    """The message in tyro's printed box, on one line."""
    text = " ".join(" ".join(line.strip("│| ") for line in box.splitlines()).split())
    match = re.search(r"(?:Error parsing |(?=Unrecognized))(.*?)(?: [-─]{5}|$)", text)
    return match[1] if match else text


def _is_wrong(stage: Stage, name: str, values: Sequence[str]) -> bool:
    """Whether the value itself does not fit, and not its combination with other fields."""
    try:
        _parse(stage, [f"--{name}", *values])
    except ValueError as error:
        return str(error).startswith((f"--{name}", "Unrecognized"))
    return False


def _unknown(name: str, known: Mapping[str, Field]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if not close:  # the last part alone may be right: --kl-cost
        tails = {full.rpartition(".")[2]: full for full in known}
        close = [
            tails[tail]
            for tail in difflib.get_close_matches(name.rpartition(".")[2], tails, n=1, cutoff=0.8)
        ]
    if close:
        return f"there is no field --{name}; did you mean --{close[0]}?"
    inside = sorted({f"--{full.partition('.')[0]}.…" for full in known})
    return f"there is no field --{name}; fields begin with {', '.join(inside)}"


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
