"""A run's console: a live table in a terminal, elsewhere a line every ten seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TextIO

from rich.console import Console as RichConsole
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table

from skill_train.cluster.store.run_dir import RunDir

LINE_SECONDS = 10.0
TREND_SECONDS = 2.0
BLOCKS = "▁▂▃▄▅▆▇█"


class Console:
    """The console of one run; close it before anything else is printed."""

    def __init__(
        self,
        run: RunDir,
        prometheus_address: str | None,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run, self._address = run, prometheus_address
        self._stream = stream or sys.stdout
        self._clock = clock
        self._values: Mapping[str, float] = {}
        self._steps = (0, 0)
        self._message = "starting"
        self._returns: list[float] = []
        self._line_at = self._trend_at = -float("inf")
        self._live: Live | None = None
        if self._stream.isatty():
            console = RichConsole(file=self._stream)
            self._live = Live(console=console, get_renderable=self.table, refresh_per_second=2)
            self._live.start()
        else:
            self._print(f"run {run.path}" + (f", metrics at {self._address}" * bool(self._address)))

    def say(self, what: str) -> None:
        """Show ``what`` the run is doing now. Safe to call from a signal handler."""
        self._message = what  # the live table shows it when it is next drawn
        if self._live is None:
            self._print(what)

    def update(self, values: Mapping[str, float], env_steps: int, learner_steps: int) -> None:
        """Show a snapshot of `cluster.loop.progress.Progress`."""
        now = self._clock()
        self._values, self._steps = dict(values), (env_steps, learner_steps)
        if now - self._trend_at >= TREND_SECONDS and "return_mean" in values:
            self._trend_at = now
            self._returns.append(values["return_mean"])
        if self._live is None and now - self._line_at >= LINE_SECONDS:
            self._line_at = now
            self._print(self.line())

    def close(self) -> None:
        """Stop drawing; the last table stays on the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def line(self) -> str:
        """The latest snapshot on one line."""
        shown = {name: text for name, text in self._cells().items() if text}
        return "  ".join(f"{name} {text}" for name, text in shown.items())

    def table(self) -> Panel:
        """The latest snapshot as a table."""
        grid = Table.grid(padding=(0, 2), expand=True)
        for _ in range(2):
            grid.add_column(style="dim", no_wrap=True)
            grid.add_column(no_wrap=True, ratio=1)
        cells = [(name, text or "–") for name, text in self._cells().items()]
        half = -(-len(cells) // 2)
        for left, right in zip(cells[:half], cells[half:] + [("", "")], strict=False):
            grid.add_row(*left, *right)
        body = Table.grid(expand=True)
        body.add_row(grid)
        body.add_row(ProgressBar(total=1.0, completed=self._values.get("done_ratio", 0.0)))
        body.add_row(f"[dim]run[/]      {escape(str(self._run.path))}")
        if self._address:
            body.add_row(f"[dim]metrics[/]  {self._address}")
        body.add_row(f"[dim]now[/]      {escape(self._message)}")
        return Panel(body, title=escape(self._run.path.name), title_align="left")

    def _cells(self) -> dict[str, str]:
        """The text of each cell by name, empty where nothing is known yet."""
        values = self._values

        def number(name: str, style: str) -> str:
            return format(values[name], style) if name in values else ""

        env_steps, learner_steps = self._steps
        left = values.get("time_left_seconds")
        failures = values.get("environment_failures_total", 0)
        return {
            "env steps": f"{env_steps:,}",
            "env steps/s": number("env_steps_per_second", ",.0f"),
            "updates": f"{learner_steps:,}",
            "updates/s": number("learner_updates_per_second", ",.1f"),
            "replay items": number("replay_items", ",.0f"),
            "samples/insert": number("samples_per_insert_ratio", ".2f"),
            "weight age": number("weight_age_learner_steps", ",.0f"),
            "return": f"{number('return_mean', '.3g')} {sparkline(self._returns)}".strip(),
            "success": number("success_ratio", ".0%"),
            "evaluated": " ".join(
                (number("evaluation_return_mean", ".3g"), number("evaluation_success_ratio", ".0%"))
            ).strip(),
            "actors": number("actors_alive", ".0f"),
            "restarts": number("restarts_total", ".0f"),
            "failed envs": f"{failures:,.0f}" if failures else "",
            "time left": "" if left is None else duration(left),
        }

    def _print(self, text: str) -> None:
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except (OSError, RuntimeError, ValueError):
            # The reader has gone, a signal came while we wrote, or the encoding lacks a letter:
            # the run matters more.
            pass


def sparkline(values: Sequence[float], width: int = 16) -> str:
    """``values`` as at most ``width`` blocks, each the mean of neighbouring values."""
    if len(values) < 2:
        return ""
    width = min(width, len(values))
    edges = [i * len(values) // width for i in range(width + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, span = min(means), max(means) - min(means)
    top = len(BLOCKS) - 1
    return "".join(BLOCKS[round((m - low) / span * top) if span > 0 else 0] for m in means)


def duration(seconds: float) -> str:
    """``95`` as ``1m35s``, ``7500`` as ``2h05m``."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
