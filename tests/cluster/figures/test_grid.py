"""What is read off finished runs on a grid of tasks, and off the latents between two goals."""

from __future__ import annotations

import csv
import gzip
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from skill_train.cluster.show.figures import dse_latents, grid_curves, held_out
from skill_train.skill_agents.dse.reinforce import ReinforceConfig
from skill_train.tasks.cartpole import GRID, VectorCartPole
from skill_train.tasks.reacher import GRID as REACHER

NAN = math.nan
RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"


def run() -> grid_curves.Run:
    """Two held-out tasks, evaluated three times; metrics are written more often than that."""
    table = {
        "episodes_total": [10.0, 20.0, 30.0, 40.0, 50.0],
        "episodes_total/task_0": [NAN, 4.0, 5.0, 6.0, 9.0],
        "evaluation_return_mean/task_0": [NAN, 100.0, 100.0, 256.0, 240.0],
        "evaluation_return_mean/task_4": [NAN, 255.0, 255.0, 200.0, 260.0],
    }
    return grid_curves.of_table("some", 3, GRID, table)


def test_a_row_for_each_evaluation():
    read = run()
    assert read.returns[0].tolist() == [100.0, 256.0, 240.0]
    assert read.worst().tolist() == [100.0, 200.0, 240.0]
    assert read.trajectories[0].tolist() == [4.0, 6.0, 9.0]
    assert read.total.tolist() == read.trajectories[4].tolist() == [20.0, 40.0, 50.0]


def test_trajectories_until_a_level_was_first_reached():
    read = run()
    assert grid_curves.reached(read.returns[0], read.trajectories[0], 255.0) == 6
    assert grid_curves.reached(read.returns[4], read.total, 255.0) == 20
    assert grid_curves.reached(read.worst(), read.total, 255.0) is None
    row = grid_curves.table({"some": [read]}, 255.0).splitlines()[-1]
    assert row == "| some | 3 | 250.0 (240.0) | - | 6, 20 |"


def test_pictures_are_written(tmp_path):
    grid_curves.draw_panels({"some": [run(), run()]}, 255.0, tmp_path / "grid.png")
    assert (tmp_path / "grid.png").stat().st_size > 1000


def agent():
    """As trained on the grid, without the training."""
    from skill_train.cluster.plan.planning import plan_for
    from skill_train.experiments.registry import EXPERIMENTS

    built = plan_for(EXPERIMENTS["dse/cartpole-3x3"].stage, 0).agent("learner")
    assert isinstance(built.config, ReinforceConfig)
    return built


def test_the_way_goes_from_goal_to_goal_with_the_middle_mass():
    built = agent()
    way, points = dse_latents.interpolate(built.embedding, between=1)
    assert way.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]
    goal, mass = built.embedding.goal.mean, built.embedding.dynamics.mean
    torch.testing.assert_close(points[2], torch.cat([mass[1], goal[1]]))
    torch.testing.assert_close(points[3, 2:], (goal[1] + goal[2]) / 2)
    torch.testing.assert_close(points[4, 2:], goal[2])


def test_tips_are_followed_until_a_fall():
    built = agent()
    with torch.no_grad():
        built.policy.head.linear.weight.zero_()
        built.policy.head.linear.bias.copy_(torch.tensor([9.0, -9.0]))  # always to the left
    tips = dse_latents.play(built, torch.zeros(2, 4), episodes=3)
    assert tips.shape[:2] == (2, 3)
    envs = VectorCartPole(1)
    envs.reset(seed=0)
    steps = 0
    while not envs.step(np.zeros(1, int))[2][0]:
        steps += 1
    assert np.isfinite(tips[0, 0]).sum() == pytest.approx(steps, abs=3)
    assert np.isnan(tips[..., -1]).sum() >= 1


def test_balance_points_and_their_order():
    tips = np.full((3, 2, 150), 5.0)
    tips[:, :, 50:] = np.array([-1.0, 0.5, 0.25])[:, None, None]
    tips[0, 1] = np.nan
    points = dse_latents.balance_points(tips)
    assert points.tolist() == [-1.0, 0.5, 0.25]
    assert dse_latents.rank_correlation(np.arange(3), points) == pytest.approx(0.5)
    assert dse_latents.rank_correlation(np.arange(4), np.array([-9.0, 1.0, 2.0, 70.0])) == 1.0


def test_held_out_tasks_and_what_learning_them_alone_takes():
    alone = [run(), run()]
    text = held_out.table("part", [run()], alone)
    *_, seed, mean, needed = text.splitlines()
    assert seed == "| seed 3 | 240.0 | 260.0 | 250.0 |"
    assert mean == "| mean | 240.0 | 260.0 | 250.0 +- nan |"
    assert needed == "| trajectories alone | 6 (6 to 6) | 50 (50 to 50) | 28 (6 to 50) |"
    never = held_out.trajectories_alone({0: 257.0}, alone)
    assert never == {0: [None, None]}


def measured(name: str) -> grid_curves.Run:
    """A committed run on Reacher."""
    with gzip.open(RESULTS / "dse_reacher" / f"{name}.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    table = {key: [float(row[key] or NAN) for row in rows] for key in rows[0]}
    return grid_curves.of_table(name, 0, REACHER, table)


@pytest.mark.parametrize(("split", "seeds"), [("6-3", 3), ("4-5", 1)])
def test_the_page_on_reacher_quotes_each_cells_own_learner(split, seeds):
    """Not the mean over all nine cells, which says nothing about the cells held out."""
    unseen = [measured(f"reacher-{split}-{seed}") for seed in range(seeds)]
    alone = [measured(f"reacher-3x3-independent-{seed}") for seed in range(3)]
    needed = held_out.table(split, unseen, alone).splitlines()[-1]
    page = (RESULTS / "dse_reacher.md").read_text()
    assert f"| {split}: trajectories alone | {needed.split(' | ', 1)[1]}" in page
