"""Every registered experiment runs in its tiny form, first step to final evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster import launch
from experiments.registry import EXPERIMENTS


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_tiny(name: str, tmp_path: Path) -> None:
    run, results = launch.start(name, [], 0, tmp_path / "run", tiny=True, inline=True, address=None)
    assert results["env_steps"] >= 4_000
    assert results["learner_steps"] > 0
    assert results["evaluation_episodes"] >= 4
    assert run.load_latest() is not None


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=lambda e: e.name)
def test_what_takes_over_has_something_before_it(experiment) -> None:
    assert experiment.after is None or experiment.after in EXPERIMENTS
    assert experiment.stage.transfer is None or experiment.after is not None
