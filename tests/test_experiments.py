"""Every registered experiment runs in its tiny form, first step to final evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster import inline
from cluster.run_dir import RunDir
from experiments.registry import EXPERIMENTS


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_tiny(name: str, tmp_path: Path) -> None:
    experiment = EXPERIMENTS[name]
    stage = experiment.tiny(experiment.stage)
    run = RunDir.create(tmp_path / "run", name, [], stage, seed=0, tiny=True, inline=True)
    results = inline.run(stage, run, seed=0)
    assert results["env_steps"] >= 4_000
    assert results["learner_steps"] > 0
    assert results["evaluation_episodes"] >= 4
    assert run.load_latest() is not None
