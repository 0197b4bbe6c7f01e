"""Values that cannot work are refused before a run begins, each in one sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated

import pytest

from skill_train.cluster.errors import RunError
from skill_train.cluster.plan import overrides, ranges
from skill_train.experiments.registry import EXPERIMENTS
from skill_train.skill_agents.ranges import FINITE, Index, Range, Sizes


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("--agent.critic-sizes -1,5", "--agent.critic-sizes must be at least 1, not (-1, 5)"),
        ("--agent.policy.low-sizes -3", "--agent.policy.low-sizes must be at least 1, not (-3,)"),
        ("--agent.policy.latent-size -1", "--agent.policy.latent-size must be at least 1, not -1"),
        ("--agent.trace 1.5", "--agent.trace must be from 0 to 1, not 1.5"),
        ("--agent.target-update-period 0", "--agent.target-update-period must be at least 1, "),
        ("--agent.unroll-length 0", "--agent.unroll-length must be at least 1, not 0"),
        ("--agent.batch-size 0", "--agent.batch-size must be at least 1, not 0"),
        ("--actors.count 0", "--actors.count must be at least 1, not 0"),
        ("--agent.actor-learning-rate 0", "--agent.actor-learning-rate must be above 0, not 0"),
        (
            "--agent.policy.action-head.mean-limit 0",
            "--agent.policy.action-head.mean-limit must be above 0, not 0",
        ),
        ("--agent.kl-cost nan", "--agent.kl-cost must be at least 0, not nan"),
        ("--agent.kl-cost inf", "--agent.kl-cost must be a finite number, not inf"),
        ("--agent.entropy-cost nan", "--agent.entropy-cost must be a finite number, not nan"),
        (
            "--tasks.family.kwargs.arena-size inf",
            "--tasks.family.kwargs.arena-size must be a finite number, not inf",
        ),
        ("--limits.minutes -5", "--limits.minutes must be above 0, not -5"),
        ("--limits.minutes 0", "--limits.minutes must be above 0, not 0"),
        ("--limits.minutes inf", "--limits.minutes must be a finite number, not inf"),
        ("--limits.minutes nan", "--limits.minutes must be above 0, not nan"),
        ("--limits.env-steps -1", "--limits.env-steps must be at least 1, not -1"),
        ("--limits.success-rate 1.5", "--limits.success-rate must be from 0 to 1, not 1.5"),
        ("--learning.seconds-per-publish 0", "--learning.seconds-per-publish must be above 0, "),
        ("--checkpoints.every-minutes -1", "--checkpoints.every-minutes must be at least 0, "),
        ("--evaluation.episodes 0", "--evaluation.episodes must be at least 1, not 0"),
        ("--evaluation.every-env-steps 0", "--evaluation.every-env-steps must be at least 1, "),
    ],
)
def test_what_cannot_work(override, sentence):
    changed = overrides.apply(EXPERIMENTS["quickstart"].stage, override.split())
    with pytest.raises(RunError) as refused:
        ranges.check(changed)
    assert str(refused.value).startswith(sentence)


@dataclass(frozen=True)
class Head:
    angle: Annotated[float, Range("from 0 to 90", 0, 90)] = 45.0
    sizes: Sizes | None = None
    offset: float = 0.0
    gamma: float = 3.0


@dataclass(frozen=True)
class ConfigOfAnotherPackage:
    head: Head
    step: Index = 0


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (ConfigOfAnotherPackage(Head()), None),
        (ConfigOfAnotherPackage(Head(sizes=(4, 2))), None),
        (ConfigOfAnotherPackage(Head(gamma=-7.0)), None),
        (ConfigOfAnotherPackage(Head(angle=91)), "--agent.head.angle must be from 0 to 90, not 91"),
        (ConfigOfAnotherPackage(Head(angle=math.nan)), "--agent.head.angle must be from 0 to 90"),
        (ConfigOfAnotherPackage(Head(sizes=(4, 0))), "--agent.head.sizes must be at least 1, not "),
        (ConfigOfAnotherPackage(Head(offset=math.inf)), "--agent.head.offset must be a finite num"),
        (ConfigOfAnotherPackage(Head(), step=-1), "--agent.step must be at least 0, not -1"),
    ],
)
def test_a_config_brings_its_own_ranges(config, sentence):
    """Whatever its fields are called; what says nothing is finite."""
    stage = replace(EXPERIMENTS["quickstart"].stage, agent=config)
    if sentence is None:
        return ranges.check(stage)
    with pytest.raises(RunError) as refused:
        ranges.check(stage)
    assert str(refused.value).startswith(sentence)


def test_every_whole_number_of_an_experiment_says_its_range():
    """Those of the tasks are the tasks' own to check."""
    silent = {
        name
        for experiment in EXPERIMENTS.values()
        for name, field in overrides.fields(experiment.stage).items()
        if "int" in field.kind and field.range is FINITE and "tasks." not in name
    }
    assert silent == set()


@pytest.mark.parametrize("override", ["--agent.trace 1", "--agent.gamma 0", "--agent.kl-cost 0"])
def test_what_can_work(override):
    ranges.check(overrides.apply(EXPERIMENTS["quickstart"].stage, override.split()))


def test_every_experiment_passes():
    for experiment in EXPERIMENTS.values():
        ranges.check(experiment.stage)
        ranges.check(experiment.tiny())
