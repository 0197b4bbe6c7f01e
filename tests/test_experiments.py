"""Every registered experiment can be planned, and one of each kind runs, in its tiny form."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from skill_train.cluster import launch
from skill_train.cluster.loop import inline
from skill_train.cluster.plan import admission, planning
from skill_train.cluster.plan.build import Plan
from skill_train.cluster.store.run_dir import RunDir
from skill_train.experiments.registry import EXPERIMENTS
from skill_train.experiments.spec import Experiment, Stage

HKL = "hierarchical_kl"


def kind(experiment: Experiment) -> tuple:
    """What makes a difference to the code that runs: classes of the agent's parts, what is taken
    over or acted through, pixels, and whether other tasks are evaluated; not sizes, bodies and
    tasks.
    """
    stage = experiment.stage
    tables = [
        name for name in ("latent_period", "samples_per_insert") if hasattr(stage.agent, name)
    ]
    return (
        tuple(_classes(stage.agent)),
        tuple(getattr(stage.agent, name) == 1 for name in tables),
        type(stage.skills),
        stage.transfer and (stage.transfer.copy, tuple(stage.transfer.copy_as)),
        stage.tasks.family.env_id.endswith("-Vision-v0"),
        stage.evaluation_tasks is None,
    )


def _classes(value: object) -> list[str]:
    if not dataclasses.is_dataclass(value):
        return []
    inside = [_classes(getattr(value, field.name)) for field in dataclasses.fields(value)]
    return [type(value).__qualname__, *(name for names in inside for name in names)]


def with_those_before(name: str) -> list[str]:
    """The experiment and, nearest first, all that are trained before it."""
    after = EXPERIMENTS[name].after
    return [name] if after is None else [name, *with_those_before(after)]


def kinds_run_by(name: str) -> set[tuple]:
    """Kinds of all that the experiment trains."""
    return {kind(EXPERIMENTS[one]) for one in with_those_before(name)}


def one_of_each_kind() -> list[str]:
    """Experiments that train all kinds; those that come last also train what is before them."""
    chosen: list[str] = []
    seen: set[tuple] = set()
    for name in sorted(EXPERIMENTS, key=lambda name: -len(with_those_before(name))):
        if kind(EXPERIMENTS[name]) not in seen:
            chosen.append(name)
            seen |= kinds_run_by(name)
    return chosen


def test_every_kind_is_run() -> None:
    run = set().union(*map(kinds_run_by, one_of_each_kind()))
    assert run == {kind(experiment) for experiment in EXPERIMENTS.values()}


@pytest.mark.parametrize("name", one_of_each_kind())
def test_tiny(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[tuple[Stage, RunDir, dict[str, Any]]] = []
    carry_out = inline.run

    def recorded(plan: Plan, run: RunDir) -> dict[str, Any]:
        results = carry_out(plan, run)
        ended.append((plan.stage, run, results))
        return results

    monkeypatch.setattr(inline, "run", recorded)
    monkeypatch.chdir(tmp_path)  # no finished run lies here that one of these would start from
    launch.start(name, [], 0, tmp_path / "run", tiny=True, inline=True, address=None)
    assert len(ended) == len(with_those_before(name))
    for stage, run, results in ended:
        assert results["env_steps"] >= (stage.limits.env_steps or 0)
        assert results["learner_steps"] >= (stage.limits.learner_steps or 1)
        assert results["evaluation_episodes"] >= 4
        assert run.checkpoints.load_latest() is not None


@pytest.mark.parametrize("tiny", [False, True])
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_it_can_be_planned(name: str, tiny: bool) -> None:
    """Environments, agent, what it takes over and its tables fit together, at either size."""
    before = planning.untrained_source(EXPERIMENTS[name], tiny, seed=0)
    plan = planning.plan_for(planning.stage_for(name, (), tiny), 0, before)
    for in_process in (False, True):
        admission.check(plan, in_process, address=None)
    plan.stage.tasks.make_batch(plan.stage.tasks.tasks)


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=lambda e: e.name)
def test_what_takes_over_has_something_before_it(experiment: Experiment) -> None:
    assert experiment.after is None or experiment.after in EXPERIMENTS


@pytest.mark.parametrize(
    ("name", "paper", "task", "body"),
    [
        ("quickstart", HKL, "GoToTarget", "ball"),
        ("hierarchical_kl/ant-go-to-target-vision-agnostic", HKL, "GoToTarget", "ant-vision"),
        (f"{HKL}/transfer-ant-to-quadruped-move-box-easy", HKL, "MoveBoxEasy", "quadruped"),
        ("hierarchical_kl/humanoid-walking-lstm-prior", HKL, "Walking", "humanoid"),
        ("hierarchical_kl/grid-4step", HKL, "Grid", "4step"),
        ("dse/cartpole-6-3-retrain", "dse", "CartPole", ""),
        ("dse/reacher-3x3", "dse", "Reacher", ""),
        ("dse/asteroid-2", "dse", "AsteroidCartPole", ""),
        ("vate/grid-rl2-10", "vate", "GoalGrid", ""),
        ("vate/cheetah-dir", "vate", "HalfCheetahDir", ""),
    ],
)  # fmt: skip
def test_it_says_which_paper_task_and_body_it_has(
    name: str, paper: str, task: str, body: str
) -> None:
    experiment = EXPERIMENTS[name]
    assert (experiment.paper, experiment.task, experiment.body) == (paper, task, body)
