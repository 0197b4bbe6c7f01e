"""What an evaluation of a grid of tasks tells of each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from skill_train.cluster.loop import inline
from skill_train.cluster.plan.planning import plan_for
from skill_train.cluster.show import trained
from skill_train.cluster.store.run_dir import RunDir
from skill_train.experiments.registry import EXPERIMENTS
from skill_train.experiments.spec import Limits


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunDir:
    name = "dse/cartpole-6-3"
    changes = ["--limits.env-steps", "2000"]
    stage = EXPERIMENTS[name].tiny()
    stage = replace(stage, limits=Limits(env_steps=2_000))
    run = RunDir.create(
        tmp_path_factory.mktemp("runs") / "run", name, changes, stage, 0, tiny=True, inline=True
    )
    inline.run(plan_for(stage, 0), run)
    return run


def test_held_out_cells_are_evaluated_one_by_one(run):
    found = trained.evaluate(run, episodes=6, seed=0)
    assert found["episodes"] == 6
    cells = [(one["dynamics"], one["goal"]) for one in found["per_task"].values()]
    assert cells == [(0, 0), (1, 1), (2, 2)]
    assert next(iter(found["per_task"])) == "skill/CartPole-v0[mass=0.2,goal=-1]"
    for key in ("return_mean", "episode_length"):
        mean = sum(one[key] for one in found["per_task"].values()) / 3
        assert found[key] == pytest.approx(mean)
    assert 1.0 <= found["episode_length"] <= 300.0
