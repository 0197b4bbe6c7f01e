"""The results that a stranger is promised; minutes each, on demand: ``make test-slow``."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_train.cluster.loop import inline
from skill_train.cluster.over_ray import supervisor
from skill_train.cluster.plan.planning import plan_for
from skill_train.cluster.store.run_dir import RunDir
from skill_train.experiments.registry import EXPERIMENTS
from skill_train.tasks.goal_grid_bounds import Bounds
from skill_train.tasks.grid import mean_optimal_return

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def test_quickstart_reaches_four_targets_in_five(tmp_path: Path) -> None:
    """Over Ray and Reverb, within its own time limit; 100 unseen episodes."""
    stage = EXPERIMENTS["quickstart"].stage
    run = RunDir.create(tmp_path / "run", "quickstart", [], stage, seed=0)
    results = supervisor.run(plan_for(stage, 0), run)
    assert results["evaluation_episodes"] == 100
    assert results["success_rate"] >= 0.8


def test_sac_swings_a_pendulum_up(tmp_path: Path) -> None:
    """Over Ray and Reverb; hanging down for an episode costs 200 x pi^2, 1974."""
    stage = EXPERIMENTS["sac/gymnasium"].stage
    run = RunDir.create(tmp_path / "run", "sac/gymnasium", [], stage, seed=0)
    assert supervisor.run(plan_for(stage, 0), run)["return_mean"] >= -200


def test_grid_comes_within_a_tenth_of_the_shortest_path(tmp_path: Path) -> None:
    stage = EXPERIMENTS["hierarchical_kl/grid-1step"].stage
    run = RunDir.create(tmp_path / "run", "hierarchical_kl/grid-1step", [], stage, seed=0)
    results = inline.run(plan_for(stage, 0), run)
    assert results["return_mean"] >= 0.9 * mean_optimal_return(1)


def test_vate_comes_within_a_tenth_of_the_bayes_optimal_agent(tmp_path: Path) -> None:
    """On all 21 goals, without exploration."""
    stage = EXPERIMENTS["vate/grid"].stage
    run = RunDir.create(tmp_path / "run", "vate/grid", [], stage, seed=0)
    results = inline.run(plan_for(stage, 0), run)
    assert results["return_mean"] >= 0.9 * sum(Bounds().bayes_optimal())
