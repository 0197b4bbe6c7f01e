"""A run's metrics in three places: metrics.csv, TensorBoard, and an endpoint for Prometheus.

Names carry their unit: ``env_steps_total``, ``env_steps_per_second``, ``weight_age_learner_steps``.
"""

from __future__ import annotations

import csv
import io
import logging
import math
import re
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from skill_train.cluster.errors import RunError
from skill_train.cluster.store.atomic import write_text
from skill_train.cluster.store.run_dir import RunDir

log = logging.getLogger(__name__)
STEPS = ("env_steps", "learner_steps")
PREFIX = "skill_train_"


class Metrics:
    """The writer of a run's metrics, a row at a time; close it at the end of the run."""

    def __init__(self, run: RunDir, prometheus_port: int | None = None) -> None:
        """``prometheus_port`` 0 takes a free port, None none. Raises RunError if it is taken."""
        self._exporter = None if prometheus_port is None else Exporter(prometheus_port)
        self.prometheus_address = None if self._exporter is None else self._exporter.address
        """``http://127.0.0.1:PORT/metrics``, or None."""
        self._csv = CsvFile(run.path / "metrics.csv")
        self._board = tensorboard_writer(run.path / "tensorboard")

    def write(self, values: Mapping[str, float], env_steps: int, learner_steps: int) -> None:
        """Record ``values`` (by name, ``/`` allowed) as they stand at these steps.

        Numbers that are not finite are left out. A full disk raises RunError.
        """
        finite = {name: float(v) for name, v in values.items() if math.isfinite(v)}
        try:
            self._csv.append({"env_steps": env_steps, "learner_steps": learner_steps, **finite})
            for name, value in finite.items():
                self._board.add_scalar(name, value, env_steps)
            self._board.flush()
        except OSError as error:
            raise RunError(f"cannot write metrics to {self._csv.path}: {error.strerror}") from error
        if self._exporter is not None:
            totals = {"env_steps_total": env_steps, "learner_updates_total": learner_steps}
            self._exporter.update({**finite, **totals})

    def close(self) -> None:
        """Close the files and free the port."""
        self._csv.close()
        self._board.close()
        if self._exporter is not None:
            self._exporter.close()


class CsvFile:
    """A CSV file that grows by rows and, now and then, by columns; an existing one is continued."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns: list[str] = list(STEPS)
        self._file: TextIO | None = None
        if path.exists():
            rows, cut = _rows(path)
            if rows:
                self.columns = rows[0]
            if cut:
                write_text(path, "".join(map(_line, rows)))

    def append(self, row: Mapping[str, float]) -> None:
        """Add a row; a name not seen before becomes a column, empty in the rows before."""
        new = [name for name in row if name not in self.columns]
        if new or not self.path.exists():
            self._add_columns(new)
        if self._file is None:
            self._file = open(self.path, "a", newline="")  # noqa: SIM115 - closed by close()
        self._file.write(_line([_text(row.get(name)) for name in self.columns]))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _add_columns(self, new: list[str]) -> None:
        self.close()
        rows: list[list[str]] = []
        if self.path.exists():
            rows = _rows(self.path)[0][1:]
        self.columns = self.columns + new
        padded = (row + [""] * (len(self.columns) - len(row)) for row in rows)
        write_text(self.path, "".join(map(_line, [self.columns, *padded])))


def read_csv(path: Path) -> dict[str, list[float]]:
    """Columns of a metrics.csv; NaN where a row has no value. A cut last row is left out.

    Raises RunError where the file holds anything else than a header and numbers.
    """
    rows, _ = _rows(path)
    if not rows:
        return {name: [] for name in STEPS}
    head, *body = rows
    try:
        return {
            name: [float(row[i]) if i < len(row) and row[i] else math.nan for row in body]
            for i, name in enumerate(head)
        }
    except ValueError as error:
        raise RunError(f"{path} is damaged: {error}") from error


class Exporter:
    """An endpoint on this machine that Prometheus scrapes."""

    def __init__(self, port: int) -> None:
        self._values: dict[str, float] = {}
        registry = CollectorRegistry()
        registry.register(self)
        try:
            self._server, self._thread = start_http_server(port, "127.0.0.1", registry)
        except OSError as error:
            raise RunError(
                f"port {port} for Prometheus cannot be used ({error.strerror}); choose another, "
                "or 0 for any free one"
            ) from error
        self.address = f"http://127.0.0.1:{self._server.server_port}/metrics"

    def update(self, values: Mapping[str, float]) -> None:
        """Replace the exported values of these names; other names stay."""
        self._values = {**self._values, **values}

    def collect(self) -> Iterator[Metric]:
        """The metrics for Prometheus: counters where names end in ``_total``, gauges elsewhere."""
        for name, value in self._values.items():
            safe = prometheus_name(name)
            family = CounterMetricFamily if safe.endswith("_total") else GaugeMetricFamily
            yield family(safe, name, value=value)

    def close(self) -> None:
        """Stop the endpoint and free its port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def prometheus_name(name: str) -> str:
    """The name for Prometheus: ``loss/critic`` as ``skill_train_loss_critic``."""
    return PREFIX + re.sub(r"[^a-zA-Z0-9_]", "_", name)


def tensorboard_writer(folder: Path) -> Any:
    """torch's SummaryWriter, kept from importing TensorFlow, which takes seconds and 400 MB.

    TensorBoard itself offers the switch: a module named ``notf`` that exists.
    """
    import tensorboard.compat

    if "tensorflow" not in sys.modules:
        switch = types.ModuleType("tensorboard.compat.notf")
        sys.modules["tensorboard.compat.notf"] = switch
        tensorboard.compat.notf = switch
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder))


def _rows(path: Path) -> tuple[list[list[str]], bool]:
    """The file's whole rows, and whether a kill has cut one more."""
    try:
        text = path.read_text()
        whole = text[: text.rfind("\n") + 1]
        return list(csv.reader(io.StringIO(whole))), whole != text
    except UnicodeDecodeError as error:
        raise RunError(f"{path} is damaged: it holds bytes that are no text") from error
    except csv.Error as error:
        raise RunError(f"{path} is damaged: {error}") from error


def _line(cells: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def _text(value: float | None) -> str:
    if value is None:
        return ""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
