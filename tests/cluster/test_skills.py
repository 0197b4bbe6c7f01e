"""Runs that act through the skills of another: what they act with, play and refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from skill_train.actors.skill_env import SkillEnv
from skill_train.cluster import launch
from skill_train.cluster.errors import RunError
from skill_train.cluster.plan import planning
from skill_train.cluster.show import latents, trained
from skill_train.cluster.store.run_dir import RunDir
from skill_train.skill_agents.agent import ContinuousAction, DiscreteAction
from skill_train.skill_agents.dse.sac import DSESAC


def start(name: str, path: Path, source: RunDir | None = None) -> RunDir:
    run, _ = launch.start(name, [], 0, path, tiny=True, inline=True, address=None, source=source)
    return run


@pytest.fixture(scope="module")
def arm(tmp_path_factory) -> RunDir:
    return start("dse/reacher-3x3", tmp_path_factory.mktemp("runs") / "arm")


def test_the_agent_chooses_latents_and_the_finished_run_acts(arm, tmp_path):
    run = start("dse/moving-goal", tmp_path / "run", arm)
    plan, _, _ = trained.load(run)
    assert isinstance(plan.spec.action, ContinuousAction) and plan.spec.action.size == 3
    source = plan.source.agent()
    assert isinstance(source, DSESAC)
    means = source.embedding.goal.mean
    low, high = torch.tensor(plan.spec.action.low), torch.tensor(plan.spec.action.high)
    assert (low < means).all() and (means < high).all()
    env = plan.make(0)
    assert isinstance(env, SkillEnv) and env.action_space.shape == (3,)
    assert env.reset(seed=0)[0].keys() == {"state", "goal"}
    result = trained.evaluate(run, episodes=2, seed=0)
    assert result["episodes"] == 2 and result["episode_length"] == 180.0
    with pytest.raises(RunError, match="has no latents"):
        latents.trace(run, seed=0)  # in the environments that the agent chooses skills in


def test_points_of_a_run_that_was_trained_on_the_way(tmp_path):
    run = start("dse/asteroid-2", tmp_path / "run")
    plan = planning.plan_of(run)
    assert plan.spec.action == DiscreteAction(5)
    assert plan.make(0).reset(seed=0)[0]["asteroids"].shape == (4,)


def test_a_run_without_such_skills_is_refused(tmp_path):
    single = start("dse/reacher-3x3-single", tmp_path / "single")
    with pytest.raises(RunError, match="an embedding of its own for goals"):
        start("dse/moving-goal", tmp_path / "run", single)
    assert not (tmp_path / "run").exists()
