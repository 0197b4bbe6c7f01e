"""One row of numbers reaches the CSV, TensorBoard and Prometheus."""

from __future__ import annotations

import math
import socket
import subprocess
import sys
import urllib.request

import pytest

from skill_train.cluster.errors import RunError
from skill_train.cluster.loop.metrics import CsvFile, Metrics, prometheus_name, read_csv
from skill_train.cluster.store.run_dir import RunDir


@pytest.fixture
def run(tmp_path) -> RunDir:
    return RunDir(tmp_path)


def test_csv_round_trip_with_a_new_column_and_a_resume(run):
    metrics = Metrics(run)
    metrics.write({"return_mean": 0.1}, 100, 1)
    metrics.write({"return_mean": 1 / 3, "loss/critic": 2.5, "broken": math.nan}, 200, 2)
    metrics.close()
    metrics = Metrics(run)
    metrics.write({"loss/critic": -1e-9}, 300, 3)
    metrics.close()
    table = read_csv(run.path / "metrics.csv")
    assert list(table) == ["env_steps", "learner_steps", "return_mean", "loss/critic"]
    assert table["env_steps"] == [100, 200, 300]
    assert table["learner_steps"] == [1, 2, 3]
    assert table["return_mean"][:2] == [0.1, 1 / 3]
    assert math.isnan(table["return_mean"][2])
    assert math.isnan(table["loss/critic"][0])
    assert table["loss/critic"][1:] == [2.5, -1e-9]


def test_a_row_cut_by_a_kill_is_dropped(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("env_steps,learner_steps\n10,1\n20,")
    assert read_csv(path)["env_steps"] == [10]
    file = CsvFile(path)
    file.append({"env_steps": 30, "learner_steps": 3})
    file.close()
    assert read_csv(path)["env_steps"] == [10, 30]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"env_steps,learner_steps\n10,many\n", "could not convert string to float: 'many'"),
        (b"env_steps,\xff\xfe\n10,1\n", "bytes that are no text"),
        (b"env_steps,learner_steps\n" + b"1" * 200_000 + b",1\n", "field larger than"),
    ],
)
def test_a_damaged_table_is_one_sentence(data, sentence, tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_bytes(data)
    with pytest.raises(RunError, match=f"metrics.csv is damaged: .*{sentence}"):
        read_csv(path)


def test_a_run_with_a_damaged_table_is_not_continued(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_bytes(b"\xff\xfe\n")
    with pytest.raises(RunError, match="bytes that are no text"):
        CsvFile(path)
    assert path.read_bytes() == b"\xff\xfe\n"


def test_prometheus_is_scraped(run):
    metrics = Metrics(run, prometheus_port=0)
    try:
        assert metrics.prometheus_address.startswith("http://127.0.0.1:")
        metrics.write({"episodes_total": 3, "loss/critic": 0.5}, 7, 1)
        metrics.write({"loss/critic": 0.25}, 8, 2)
        with urllib.request.urlopen(metrics.prometheus_address, timeout=10) as answer:
            text = answer.read().decode()
    finally:
        metrics.close()
    assert "# TYPE skill_train_env_steps_total counter" in text
    assert "\nskill_train_env_steps_total 8.0" in text
    assert "\nskill_train_learner_updates_total 2.0" in text
    assert "\nskill_train_episodes_total 3.0" in text
    assert "# TYPE skill_train_loss_critic gauge" in text
    assert "\nskill_train_loss_critic 0.25" in text


def test_names_are_made_safe():
    assert prometheus_name("return_mean/task 3-a") == "skill_train_return_mean_task_3_a"


def test_a_taken_port_is_one_sentence(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RunError, match=f"port {port} for Prometheus cannot be used"):
            Metrics(run, prometheus_port=port)


def test_tensorboard_reads_it_and_tensorflow_stays_out(run):
    program = f"""
import sys
from pathlib import Path
from skill_train.cluster.loop.metrics import Metrics
from skill_train.cluster.store.run_dir import RunDir
metrics = Metrics(RunDir(Path({str(run.path)!r})))
metrics.write({{"loss/critic": 0.5}}, 40, 2)
metrics.close()
assert "tensorflow" not in sys.modules
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
(folder,) = [str(p) for p in Path({str(run.path)!r}).glob("tensorboard")]
events = EventAccumulator(folder).Reload().Scalars("loss/critic")
assert [(e.step, e.value) for e in events] == [(40, 0.5)], events
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
