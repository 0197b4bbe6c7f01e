"""The sentences and tables that commands print for people."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skill_train.cluster.errors import RunError
from skill_train.cluster.loop.console import duration
from skill_train.cluster.store.run_dir import RunDir


def results(run: RunDir, state: str, found: Mapping[str, Any]) -> str:
    """The results that a run returned, in sentences."""
    steps = (
        f"{state} after {found['env_steps']:,} environment steps and "
        f"{found['learner_steps']:,} learner steps in {duration(found['elapsed_seconds'])}"
    )
    if "return_mean" not in found:
        return steps
    return f"{steps}\n{evaluation({**found, 'episodes': found['evaluation_episodes']})}"


def already_finished(run: RunDir) -> str:
    """The answer to the resumption of a run that has reached its limits."""
    status = run.read_status()
    return (
        f"{short(run.path)} finished after {status.env_steps:,} environment steps and "
        f"{status.learner_steps:,} learner steps; nothing is left to do\n"
        f"{what_next(run, 'finished', shown=False)}"
    )


def evaluation(found: Mapping[str, Any]) -> str:
    """An evaluation's results, with a line per task where there are several."""
    lines = [f"evaluation of {found['episodes']} episodes: {_scores(found)}"]
    for task, scores in found.get("per_task", {}).items():
        lines.append(f"  {task}: {_scores(scores)}")
    return "\n".join(lines)


def bounds(found: Mapping[str, Sequence[float]]) -> str:
    """A line for each bound: its return in each episode, and their sum."""
    wide = max(map(len, found))
    return "\n".join(
        f"{name:<{wide}}  {by_episode(returns)}  sum {sum(returns):.4g}"
        for name, returns in found.items()
    )


def by_episode(returns: Sequence[float]) -> str:
    """Returns of a trial's episodes, in order."""
    return ", ".join(f"{value:.4g}" for value in returns)


def show(run: RunDir) -> list[str]:
    """Write curve.png and video.mp4 into the run's directory; returns a line about each."""
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
    if run.checkpoints.paths():
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
    """``path`` relative to the current folder, where it is inside."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _named(module: str) -> str:
    """A module from outside as it can be named here; a file's path is shortened."""
    return shlex.quote(short(Path(module)) if module.endswith(".py") else module)


def _scores(found: Mapping[str, Any]) -> str:
    text = f"mean return {found['return_mean']:.4g}"
    if "success_rate" in found:
        text += f", success {found['success_rate']:.0%}"
    if "return_per_episode" in found:
        text += f" ({by_episode(found['return_per_episode'])} by episode)"
    return text
