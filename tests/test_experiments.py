"""Every registered experiment can be planned, and one of each kind runs, in its tiny form."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from skill_train.cluster import admission, launch, planning
from skill_train.experiments.registry import EXPERIMENTS
from skill_train.experiments.spec import Experiment

ROOT = Path(__file__).parents[1]


def kind(experiment: Experiment) -> tuple:
    """What makes a difference to the code that runs: classes of the agent's parts, what is taken
    over, pixels, and whether other tasks are evaluated; not sizes, bodies and tasks.
    """
    stage = experiment.stage
    tables = [
        name for name in ("latent_period", "samples_per_unroll") if hasattr(stage.agent, name)
    ]
    return (
        tuple(_classes(stage.agent)),
        tuple(getattr(stage.agent, name) == 1 for name in tables),
        stage.transfer and (stage.transfer.copy, tuple(stage.transfer.copy_as)),
        stage.tasks.family.env_id.endswith("-Vision-v0"),
        stage.evaluation_tasks is None,
    )


def _classes(value: object) -> list[str]:
    if not dataclasses.is_dataclass(value):
        return []
    inside = [_classes(getattr(value, field.name)) for field in dataclasses.fields(value)]
    return [type(value).__qualname__, *(name for names in inside for name in names)]


KINDS = {kind(experiment): name for name, experiment in reversed(EXPERIMENTS.items())}
"""Kind -> the first experiment of it."""


@pytest.mark.parametrize("name", KINDS.values())
def test_tiny(name: str, tmp_path: Path) -> None:
    run, results = launch.start(name, [], 0, tmp_path / "run", tiny=True, inline=True, address=None)
    stage = planning.stage_of(run)
    assert results["env_steps"] >= stage.limits.env_steps
    assert results["learner_steps"] > 0
    assert results["evaluation_episodes"] >= 4
    assert run.load_latest() is not None


@pytest.mark.parametrize("tiny", [False, True])
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_it_can_be_planned(name: str, tiny: bool) -> None:
    """Environment, agent, what it takes over and its tables fit together, at either size."""
    before = planning.untrained_source(EXPERIMENTS[name], tiny, seed=0)
    plan = planning.plan_for(planning.stage_for(name, (), tiny), 0, before)
    for inline in (False, True):
        admission.check(plan, inline, address=None)


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=lambda e: e.name)
def test_what_takes_over_has_something_before_it(experiment: Experiment) -> None:
    assert experiment.after is None or experiment.after in EXPERIMENTS
    stage = experiment.stage
    assert (stage.transfer is None and stage.skills is None) or experiment.after is not None


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=lambda e: e.name)
def test_it_says_which_task_and_body_it_has(experiment: Experiment) -> None:
    parts = [experiment.task, *experiment.body.split("-")]
    made_of = experiment.stage.tasks.family.env_id.lower()
    assert all(part.lower() in made_of for part in parts)
    assert (ROOT / "skill_agents" / experiment.paper).is_dir()
