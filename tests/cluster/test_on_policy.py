"""On-policy agents learn over Ray and Reverb what they learn in one process."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from skill_train.cluster.loop.metrics import read_csv
from skill_train.cluster.store.run_dir import RunDir

pytestmark = [pytest.mark.cluster, pytest.mark.reverb]


def trained(experiment: str, folder: Path, *options: str) -> dict[str, Any]:
    """Train; the run's last metrics, with the greatest age of its data in batches."""
    command = [
        sys.executable,
        "-m",
        "skill_train.cluster.cli",
        "run",
        experiment,
        "--run-dir",
        str(folder),
    ]
    subprocess.run([*command, *options], check=True, capture_output=True)
    metrics = read_csv(folder / "metrics.csv")
    assert json.loads((folder / "status.json").read_text())["state"] == "finished"
    last = {name: values[-1] for name, values in metrics.items()}
    ages = [age for age in metrics["data_age_batches_max"] if not math.isnan(age)]
    return last | {"data_age_batches_max": max(ages)}


def test_one_actor_that_waits_for_the_newest_weights_acts_as_one_process_does(
    tmp_path: Path,
) -> None:
    """RL2 draws no batch at random, so every update has the same trials: equal to the last bit."""
    options = ("--tiny", "--limits.env-steps", "1000000", "--limits.learner-steps", "32")
    trained("vate/grid-rl2-10", tmp_path / "ray", *options)
    trained("vate/grid-rl2-10", tmp_path / "inline", *options, "--inline")
    agents = [
        RunDir.open(tmp_path / way)
        .checkpoints.load_latest(with_replay=False)
        .learner_state["agent"]
        for way in ("ray", "inline")
    ]
    assert agents[0].keys() == agents[1].keys()
    for name, value in agents[0].items():
        assert torch.equal(value, agents[1][name]), name


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_vate_on_the_grid(tmp_path: Path) -> None:
    """Inline: 25.5 to 26.0 of 26.1; with data eleven batches old it ended at 7."""
    last = trained("vate/grid", tmp_path / "run")
    assert last["data_age_batches_max"] == 0.0
    assert last["evaluation_return_mean"] > 22.0


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_v_trace_on_the_grid(tmp_path: Path) -> None:
    """Inline: every episode succeeds; with data 10 to 15 batches old 8 % did."""
    options = ("--limits.env-steps", "600000")
    last = trained("hierarchical_kl/grid-1step", tmp_path / "run", *options)
    assert last["data_age_batches_max"] <= 1.0
    assert last["evaluation_success_ratio"] > 0.95
