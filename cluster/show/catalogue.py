"""The text of ``skill-train list``: the measured experiments, or all those asked for."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from skill_train.cluster.errors import RunError
from skill_train.experiments.spec import Experiment

WIDTH = 100
UNMEASURED = 5
"""The most lines, in the overview, of a paper without results."""
COSTS = "Times are of 2 cores without a GPU, without the run that an experiment comes after."
HOW = """\
skill-train list WORD shows all with a word in name, summary or figure; also --max-hours H, --all.
skill-train list NAME shows one and its fields."""


def select(
    found: Iterable[Experiment],
    *,
    paper: str | None = None,
    word: str | None = None,
    max_hours: float | None = None,
) -> list[Experiment]:
    """The experiments of ``paper``, with ``word`` in their text, that take ``max_hours`` at most.

    ``max_hours`` leaves out experiments of unknown cost. Raises RunError if none is left.
    """
    chosen = list(found)
    if paper is not None:
        papers = list(dict.fromkeys(one.paper for one in chosen))
        chosen = [one for one in chosen if one.paper == paper]
        if not chosen:
            raise RunError(f"there is no paper {paper!r}; there are {', '.join(papers)}")
    if word is not None:
        names = [one.name for one in chosen]
        chosen = [one for one in chosen if word.lower() in _text(one)]
        if not chosen:
            close = difflib.get_close_matches(word, names, n=3, cutoff=0.0)
            raise RunError(
                f"no experiment has {word!r} in its name, summary or figure; the closest names "
                f"are {', '.join(close)}"
            )
    if max_hours is not None:
        costs = {one.name: one.cost.hours for one in chosen if one.cost is not None}
        chosen = [one for one in chosen if costs.get(one.name, float("inf")) <= max_hours]
        if not chosen:
            least = f"the shortest takes {_time(min(costs.values()))}" if costs else "none is known"
            raise RunError(f"none of these takes at most {max_hours:g} hours; {least}")
    return chosen


def overview(found: Sequence[Experiment]) -> str:
    """One screen: the measured experiments of every paper, and how to see the others."""
    lines = []
    for paper, theirs in _groups(found, lambda one: one.paper):
        measured = [one for one in theirs if one.measured is not None]
        hours = sum(one.cost is not None and one.cost.hours > 1 for one in theirs)
        long = f", {hours} take hours" if hours else ""
        lines.append(
            f"{paper}: {len(measured)} of {len(theirs)} measured{long}; "
            f"all: skill-train list --paper {paper}"
        )
        shown = _with_variants(measured) if measured else _with_variants(theirs)[:UNMEASURED]
        for one, variants in shown:
            more = {0: "", 1: " and a variant"}.get(variants, f" and {variants} variants")
            lines += _line(one, more)
        lines.append("")
    return "\n".join([*lines, COSTS, HOW])


def listing(found: Sequence[Experiment]) -> str:
    """Every experiment, below its paper and the figure that it belongs to."""
    lines = []
    for paper, theirs in _groups(found, lambda one: one.paper):
        for figure, shown in _groups(theirs, lambda one: one.figure):
            lines.append(f"{paper}, {figure or 'in no figure'}:")
            lines += [line for one in shown for line in _line(one)]
            lines.append("")
    return "\n".join([*lines, COSTS])


def experiment(one: Experiment) -> str:
    """The description of a single experiment, in sentences."""
    lines = [f"{one.name}: {one.summary}"]
    body = f", {one.body}" if one.body else ""
    lines.append(f"paper {one.paper}, {one.figure or 'in no figure'}; task {one.task}{body}")
    if one.after:
        lines.append(f"comes after {one.after}")
    steps = _env_steps(one)
    if steps is not None:
        time = "" if one.cost is None else f" and {_time(one.cost.hours)} on 2 cores"
        count = f"about {steps:,}" if steps else "no"
        lines.append(f"{count} environment steps{time}")
    if one.measured is not None:
        lines.append(f"measured: {_result(one)} (benchmarks/results/{one.measured.page})")
    return "\n".join(lines)


def facts(one: Experiment) -> dict[str, Any]:
    """An experiment's facts by name, for programs."""
    names = ("name", "summary", "paper", "figure", "task", "body", "after")
    return {name: getattr(one, name) for name in names} | {
        "env_steps": _env_steps(one),
        "hours": None if one.cost is None else one.cost.hours,
        "measured": None if one.measured is None else asdict(one.measured),
    }


def _groups(
    found: Sequence[Experiment], key: Callable[[Experiment], str]
) -> Iterator[tuple[str, list[Experiment]]]:
    for value in dict.fromkeys(map(key, found)):
        yield value, [one for one in found if key(one) == value]


def _with_variants(found: Sequence[Experiment]) -> list[tuple[Experiment, int]]:
    """Experiments whose name extends no other's, each with the number of names that extend it."""
    stems = {one.name: one.name.removesuffix("-small") for one in found}

    def variants(stem: str) -> int:
        return sum(other.startswith(f"{stem}-") for other in stems.values())

    return [
        (one, variants(stems[one.name]))
        for one in found
        if not any(stems[one.name].startswith(f"{other}-") for other in stems.values())
    ]


def _line(one: Experiment, variants: str = "") -> list[str]:
    """An experiment's time, name and result, wrapped into lines."""
    time = "?" if one.cost is None else _time(one.cost.hours)
    text = f"{time:>7}  {one.name}{variants}"
    if one.measured is not None:
        text += f": {_result(one)}"
    return textwrap.wrap(
        text, WIDTH, subsequent_indent=" " * 11, break_long_words=False, break_on_hyphens=False
    )


def _result(one: Experiment) -> str:
    assert one.measured is not None
    seeds = "1 seed" if one.measured.seeds == 1 else f"{one.measured.seeds} seeds"
    text = f"{one.measured.result}, {seeds}"
    steps, planned = one.measured.env_steps, _env_steps(one)
    if steps is None or planned is None:
        return text
    return f"{text}, {_millions(steps)} of {_millions(planned)} M steps"


def _text(one: Experiment) -> str:
    return " ".join((one.name, one.summary, one.figure, one.task, one.body)).lower()


def _env_steps(one: Experiment) -> int | None:
    """Environment steps of a whole run: measured, or else the limit."""
    return one.stage.limits.env_steps if one.cost is None else one.cost.env_steps


def _millions(steps: int) -> str:
    return f"{steps / 1e6:.2g}"


def _time(hours: float) -> str:
    minutes = 60 * hours
    return f"{max(1, round(minutes))} min" if minutes < 90 else f"{round(hours):,} h"
