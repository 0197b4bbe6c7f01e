"""The sentences and tables that commands print for people."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skill_train.cluster.errors import RunError
from skill_train.cluster.loop.console import duration
from skill_train.cluster.store.run_dir import RunDir

if TYPE_CHECKING:
    from skill_train.experiments.spec import Experiment

COSTS = "hours on 2 cores without a GPU, without the run that it comes after; blank: not measured"


def results(run: RunDir, state: str, found: Mapping[str, Any]) -> str:
    """How a run went, from what the run returned."""
    steps = (
        f"{state} after {found['env_steps']:,} environment steps and "
        f"{found['learner_steps']:,} learner steps in {duration(found['elapsed_seconds'])}"
    )
    if "return_mean" not in found:
        return steps
    return f"{steps}\n{evaluation({**found, 'episodes': found['evaluation_episodes']})}"


def already_finished(run: RunDir) -> str:
    """What there is to say to whoever resumes a run that has reached its limits."""
    status = run.read_status()
    return (
        f"{short(run.path)} finished after {status.env_steps:,} environment steps and "
        f"{status.learner_steps:,} learner steps; nothing is left to do\n"
        f"{what_next(run, 'finished', shown=False)}"
    )


def evaluation(found: Mapping[str, Any]) -> str:
    """An evaluation's results, a line per task where there are several."""
    lines = [f"evaluation of {found['episodes']} episodes: {_scores(found)}"]
    for task, scores in found.get("per_task", {}).items():
        lines.append(f"  {task}: {_scores(scores)}")
    return "\n".join(lines)


def bounds(found: Mapping[str, Sequence[float]]) -> str:
    """A line for each bound: its returns per episode, and their sum."""
    wide = max(map(len, found))
    return "\n".join(
        f"{name:<{wide}}  {by_episode(returns)}  sum {sum(returns):.4g}"
        for name, returns in found.items()
    )


def by_episode(returns: Sequence[float]) -> str:
    """Returns of a trial's episodes, in order."""
    return ", ".join(f"{value:.4g}" for value in returns)


def facts(one: Experiment) -> dict[str, Any]:
    """What `skill-train list` says of an experiment, for programs."""
    names = ("name", "summary", "paper", "figure", "task", "body", "after")
    steps, hours = _cost(one)
    return {name: getattr(one, name) for name in names} | {"env_steps": steps, "hours": hours}


def experiments(found: Sequence[Experiment]) -> str:
    """A line for each experiment below its paper: what, with which body, at which cost, where."""
    heads = ("experiment", "task", "body", "env steps", "hours", "figure")
    rows = [(one.paper, _row(one)) for one in found]
    wide = [max(len(row[i]) for row in (heads, *(row for _, row in rows))) for i in range(6)]

    def line(row: Sequence[str]) -> str:
        cells = [
            f"{cell:>{w}}" if head in ("env steps", "hours") else f"{cell:<{w}}"
            for head, cell, w in zip(heads, row, wide, strict=True)
        ]
        return "  ".join(cells).rstrip()

    lines = [line(heads)]
    for paper in dict.fromkeys(paper for paper, _ in rows):
        lines += ["", f"{paper}:", *(line(row) for theirs, row in rows if theirs == paper)]
    return "\n".join([*lines, "", COSTS])


def experiment(one: Experiment) -> str:
    """All of that for a single experiment, in sentences."""
    lines = [f"{one.name}: {one.summary}"]
    body = f", {one.body}" if one.body else ""
    lines.append(f"paper {one.paper}, {one.figure or 'in no figure'}; task {one.task}{body}")
    if one.after:
        lines.append(f"comes after {one.after}")
    steps, hours = _cost(one)
    if steps is not None:
        time = "" if hours is None else f" and {_hours(hours)} hours on 2 cores"
        lines.append(f"about {steps:,} environment steps{time}")
    return "\n".join(lines)


def show(run: RunDir) -> list[str]:
    """Leave curve.png and video.mp4 in the run's directory; a line for each, or why not."""
    from skill_train.cluster.show import plot, trained

    lines = []
    for name, make in (
        ("curve.png", lambda out: plot.draw([run], out)),
        ("video.mp4", lambda out: trained.film(run, out, episodes=5, seed=0)),
    ):
        out = run.path / name
        try:
            make(out)
            lines.append(f"wrote {short(out)}")
        except RunError as error:
            lines.append(f"no {name}: {error}")
    return lines


def what_next(run: RunDir, state: str, shown: bool) -> str:
    """Commands to try on a run that has just ended."""
    path = short(run.path)
    modules = "".join(f" --module {_named(one)}" for one in run.config.modules)
    commands = []
    if state != "finished":
        commands.append(f"skill-train resume {path}{modules}")
    if run.checkpoints():
        commands.append(f"skill-train eval {path} --episodes 100 --seed 1{modules}")
        if not shown:
            commands.append(f"skill-train video {path} --out {path}/video.mp4{modules}")
    if not shown:
        commands.append(f"skill-train plot {path} --out {path}/curve.png")
    commands.append(f"tensorboard --logdir {path}/tensorboard")
    return "try next:\n" + "\n".join(f"  {command}" for command in commands)


def statuses(found: Sequence[Mapping[str, Any]], components: bool) -> str:
    """A line for each run; with ``components``, a line for each of their processes as well."""
    lines = []
    wide = max(len(short(Path(one["run"]))) for one in found)
    for one in found:
        line = (
            f"{short(Path(one['run'])):<{wide}}  {one['state']:<10}  "
            f"{one['env_steps']:>12,} env steps  {one['learner_steps']:>10,} learner steps"
        )
        metrics = one.get("metrics", {})
        if "evaluation_return_mean" in metrics:
            line += f"  return {metrics['evaluation_return_mean']:.3g}"
        if one.get("error"):
            line += f"  ({one['error']})"
        lines.append(line)
        if components:
            lines += [
                f"  {c['role']:<9}  {c['name']:<12}  process {c['pid']}  {c['address']}  "
                f"{c['restarts']} restarts"
                for c in one["components"]
            ]
    return "\n".join(lines)


def short(path: Path) -> str:
    """``path`` as it would be typed here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _named(module: str) -> str:
    """A module from outside as it would be typed here; a file's path may be a shorter one."""
    return shlex.quote(short(Path(module)) if module.endswith(".py") else module)


def _row(one: Experiment) -> tuple[str, ...]:
    steps, hours = _cost(one)
    count = "" if steps is None else f"{steps / 1e6:,.1f} M"
    return (one.name, one.task, one.body, count, "" if hours is None else _hours(hours), one.figure)


def _cost(one: Experiment) -> tuple[int | None, float | None]:
    """Environment steps and hours; the limit alone where nobody has measured."""
    if one.cost is None:
        return one.stage.limits.env_steps, None
    return one.cost.env_steps, one.cost.hours


def _hours(hours: float) -> str:
    return f"{hours:.2g}" if hours < 10 else f"{hours:.0f}"


def _scores(found: Mapping[str, Any]) -> str:
    text = f"mean return {found['return_mean']:.4g}"
    if "success_rate" in found:
        text += f", success {found['success_rate']:.0%}"
    if "return_per_episode" in found:
        text += f" ({by_episode(found['return_per_episode'])} by episode)"
    return text
