"""Learning curves from the metrics of runs; runs of the same settings become one band."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skill_train.cluster.errors import RunError
from skill_train.cluster.loop.metrics import read_csv
from skill_train.cluster.store.run_dir import RunDir

X_AXES = {
    "env_steps": ("env_steps", 1.0, "environment steps"),
    "learner_steps": ("learner_steps", 1.0, "learner steps"),
    "minutes": ("elapsed_seconds", 1 / 60, "minutes"),
}
PANELS = (("return_mean", "return"), ("success_ratio", "success rate"))
GRID = 200
RESAMPLES = 1000


class Curve(NamedTuple):
    """One quantity of one run over increasing ``x``."""

    x: np.ndarray
    y: np.ndarray


class Band(NamedTuple):
    """The mean and interval of runs of the same settings; ``low`` and ``high`` None for one run."""

    x: np.ndarray
    mean: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None


def draw(runs: Sequence[RunDir], out: Path, x: str = "env_steps") -> None:
    """Write a picture of return, and success where known, against ``x`` (a key of `X_AXES`).

    Lines are the last training episodes; dots, where a run stands alone, the evaluations.
    Raises RunError where a run has no metrics, or the picture cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    tables = {run.path: _table(run) for run in runs}
    groups = _groups(runs)
    panels = [
        (name, label)
        for name, label in PANELS
        if any(
            len(curve(table, column, x).x)
            for table in tables.values()
            for column in (name, f"evaluation_{name}")
        )
    ]
    if not panels:
        raise RunError(f"{runs[0].path} has neither an episode nor an evaluation yet to draw")
    with pyplot.rc_context({"axes.spines.top": False, "axes.spines.right": False}):
        figure, axes = pyplot.subplots(
            1, len(panels), figsize=(6.0 * len(panels), 4.0), squeeze=False, layout="constrained"
        )
        try:
            for ax, (name, label) in zip(axes[0], panels, strict=True):
                for color, (group, members) in enumerate(groups.items()):
                    _draw_group(ax, f"C{color}", group, [tables[r.path] for r in members], name, x)
                ax.set_xlabel(X_AXES[x][2])
                ax.set_ylabel(label)
                ax.grid(alpha=0.25)
                if label == "success rate":
                    ax.set_ylim(-0.02, 1.02)
            axes[0][0].legend(frameon=False, fontsize="small")
            figure.savefig(out, dpi=150)
        except (OSError, ValueError) as error:
            raise RunError(f"cannot write the picture {out}: {error}") from error
        finally:
            pyplot.close(figure)


def curve(table: dict[str, list[float]], name: str, x: str) -> Curve:
    """A column against ``x``, without rows after the checkpoint that a resumed run went back to."""
    column, scale, _ = X_AXES[x]
    if name not in table or column not in table:
        return Curve(np.zeros(0), np.zeros(0))
    xs, ys = np.asarray(table[column]) * scale, np.asarray(table[name])
    known = np.isfinite(xs) & np.isfinite(ys)
    xs, ys = xs[known], ys[known]
    # A row counts if all later rows have a larger x.
    later = np.minimum.accumulate(np.append(xs[1:], np.inf)[::-1])[::-1]
    lasting = xs < later
    return Curve(xs[lasting], ys[lasting])


def band(curves: Sequence[Curve]) -> Band:
    """The mean and a 95 % bootstrap interval over runs, as far as all of them go."""
    if len(curves) == 1:
        return Band(curves[0].x, curves[0].y, None, None)
    x = np.linspace(max(c.x[0] for c in curves), min(c.x[-1] for c in curves), GRID)
    runs = np.stack([np.interp(x, c.x, c.y) for c in curves])
    drawn = np.random.default_rng(0).integers(len(runs), size=(RESAMPLES, len(runs)))
    means = runs[drawn].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5), axis=0)
    return Band(x, runs.mean(axis=0), low, high)


def _draw_group(
    ax: Any, color: str, label: str, tables: Sequence[dict[str, list[float]]], name: str, x: str
) -> None:
    curves = [c for table in tables if len((c := curve(table, name, x)).x)]
    if curves:
        line = band(curves)
        ax.plot(line.x, line.mean, color=color, label=label, linewidth=1.5)
        if line.low is not None:
            ax.fill_between(line.x, line.low, line.high, color=color, alpha=0.2, linewidth=0)
    if len(tables) == 1:
        evaluated = curve(tables[0], f"evaluation_{name}", x)
        changes = np.append(True, np.diff(evaluated.y) != 0)[: len(evaluated.y)]
        ax.plot(
            evaluated.x[changes],
            evaluated.y[changes],
            "o",
            color=color,
            markersize=3.5,
            label=f"{label}, evaluated",
        )


def _groups(runs: Sequence[RunDir]) -> dict[str, list[RunDir]]:
    """Runs by experiment and overrides, which must agree for a mean to make sense.

    Overrides that all of the runs share are left out of the names.
    """
    groups: dict[str, list[RunDir]] = {}
    configs = [run.config for run in runs]
    shared = all(config.overrides == configs[0].overrides for config in configs)
    for run, config in zip(runs, configs, strict=True):
        name = " ".join([config.experiment, *([] if shared else config.overrides)])
        groups.setdefault(name, []).append(run)
    return {
        f"{name} ({len(members)} runs)" if len(members) > 1 else name: members
        for name, members in groups.items()
    }


def _table(run: RunDir) -> dict[str, list[float]]:
    path = run.path / "metrics.csv"
    if not path.is_file():
        raise RunError(f"{run.path} has no metrics.csv yet, so there is nothing to draw")
    return read_csv(path)
