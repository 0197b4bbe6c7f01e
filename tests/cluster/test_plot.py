"""Learning curves have the right numbers in them, and become pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from skill_train.cluster.errors import RunError
from skill_train.cluster.loop.metrics import CsvFile
from skill_train.cluster.show.plot import Curve, band, curve, draw
from skill_train.cluster.store.run_dir import RunDir


@dataclass(frozen=True)
class Anything:
    x: int = 1


def make_run(path: Path, gain: float = 1.0, experiment: str = "paper/task") -> RunDir:
    run = RunDir.create(path, experiment, [], Anything(), 0)
    file = CsvFile(run.path / "metrics.csv")
    for i in range(20):
        row = {"env_steps": 100 * i, "learner_steps": i, "elapsed_seconds": 60.0 * i}
        if i >= 2:
            row |= {"return_mean": gain * i, "success_ratio": i / 20}
        if i % 5 == 4:
            row |= {"evaluation_return_mean": gain * i + 1}
        file.append(row)
    file.close()
    return run


def colours(path: Path) -> int:
    from PIL import Image

    pixels = np.asarray(Image.open(path).convert("RGB"))
    assert pixels.shape[0] > 300
    return len(np.unique(pixels.reshape(-1, 3), axis=0))


@pytest.mark.parametrize("x", ["env_steps", "learner_steps", "minutes"])
def test_one_run(tmp_path, x):
    draw([make_run(tmp_path / "a")], tmp_path / "out.png", x)
    assert colours(tmp_path / "out.png") > 20


def test_runs_of_one_experiment_and_of_another(tmp_path):
    runs = [make_run(tmp_path / str(i), gain=i) for i in (1, 2, 3)]
    draw([*runs, make_run(tmp_path / "b", experiment="paper/other")], tmp_path / "out.png")
    assert colours(tmp_path / "out.png") > 20


def test_the_band_is_the_mean_with_its_interval():
    x = np.array([0.0, 10.0])
    line = band([Curve(x, np.full(2, v)) for v in (1.0, 2.0, 6.0)])
    assert np.allclose(line.mean, 3.0)
    assert (line.low >= 1.0).all()
    assert (line.high <= 6.0).all()
    assert (line.low < line.mean).all()
    assert (line.mean < line.high).all()
    alone = band([Curve(x, x)])
    assert alone.low is None
    assert (alone.mean == x).all()


def test_a_resumed_run_is_drawn_as_it_went_on():
    table = {"env_steps": [0, 100, 200, 300, 150, 250], "return_mean": [0, 1, 2, 3, 20, 30]}
    line = curve(table, "return_mean", "env_steps")
    assert line.x.tolist() == [0, 100, 150, 250]
    assert line.y.tolist() == [0, 1, 20, 30]


def test_minutes():
    table = {"env_steps": [0, 1], "elapsed_seconds": [30, 60], "return_mean": [0, 1]}
    assert curve(table, "return_mean", "minutes").x.tolist() == [0.5, 1.0]


def test_nothing_to_draw_is_one_sentence(tmp_path):
    run = RunDir.create(tmp_path / "a", "paper/task", [], Anything(), 0)
    with pytest.raises(RunError, match=r"has no metrics\.csv yet"):
        draw([run], tmp_path / "out.png")
    CsvFile(run.path / "metrics.csv").append({"env_steps": 1, "learner_steps": 0})
    with pytest.raises(RunError, match="neither an episode nor an evaluation"):
        draw([run], tmp_path / "out.png")


def test_a_picture_that_cannot_be_written_is_one_sentence(tmp_path):
    run = make_run(tmp_path / "a")
    with pytest.raises(RunError, match="cannot write the picture"):
        draw([run], tmp_path / "nowhere" / "out.png")
    with pytest.raises(RunError, match="cannot write the picture"):
        draw([run], tmp_path / "out.hologram")
