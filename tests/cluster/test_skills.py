"""Runs that act through the skills of another: what they act with, play and refuse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
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
from skill_train.skill_agents.sac.agent import SAC
from skill_train.tasks.families import single_task


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


def test_a_high_level_of_another_paper_chooses_latents(tmp_path):
    run = start("hierarchical_kl/skills-ball-go-to-target-to-gap-small", tmp_path / "run")
    plan, agent, _ = trained.load(run)
    assert isinstance(agent, SAC)
    assert plan.spec.action == ContinuousAction((-2.0, -2.0), (2.0, 2.0))
    low = plan.source.agent().policy.low
    env = plan.make(0)
    seen, _ = env.reset(seed=3)
    latent = np.array([1.5, -0.5], np.float32)
    given = {name: torch.from_numpy(array)[None] for name, array in seen.items()}
    with torch.no_grad():
        expected = low(given, torch.from_numpy(latent)[None]).mean[0].numpy()
    shown, *_ = env.step(latent)
    bare = plan.stage.tasks.make(0)
    bare.reset(seed=3)
    by_hand, *_ = bare.step(expected)
    for name, array in by_hand.items():
        np.testing.assert_allclose(shown[name], array, rtol=1e-5, atol=1e-6)
    result = trained.evaluate(run, episodes=2, seed=0)
    assert result["episodes"] == 2 and 1 <= result["episode_length"] <= 400


def test_a_film_shows_the_skills_that_a_run_acts_through(arm, tmp_path):
    run, film = start("dse/moving-goal", tmp_path / "run", arm), tmp_path / "skills.mp4"
    trained.film_skills(run, film, panels=2, seconds=0.2, seed=0)
    assert film.stat().st_size > 0
    with pytest.raises(RunError, match="has no skills to show: DSESAC has no skills"):
        trained.film_skills(arm, film, panels=2, seconds=0.2, seed=0)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("Ball", r"the skills look at 'state' of shape \(8,\), but the task shows none"),
        ("Ant", "the skills give ContinuousAction.* but the task takes ContinuousAction"),
    ],
)
def test_skills_of_another_body_are_refused(arm, body, complaint):
    stage = planning.stage_for("dse/moving-goal", [], tiny=True)
    elsewhere = replace(stage, tasks=single_task(f"skill/GoToTarget-{body}-v0"))
    with pytest.raises(RunError, match=f"these settings do not work: {complaint}"):
        planning.plan_for(elsewhere, 0, planning.source_from(arm))


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
