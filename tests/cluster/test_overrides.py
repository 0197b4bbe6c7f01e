"""Any field by its name, typed; a mistake is one sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from skill_train.cluster.errors import RunError
from skill_train.cluster.plan import overrides
from skill_train.experiments.spec import Limits, Stage
from skill_train.skill_agents.hierarchical_kl.defaults import SharedLowLevel
from skill_train.skill_agents.hierarchical_kl.policies import FlatPolicyConfig
from skill_train.skill_agents.hierarchical_kl.priors import AR1Config
from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0Config
from skill_train.tasks.families import single_task


@pytest.fixture
def stage() -> Stage:
    return Stage(
        agent=SVG0Config(default=SharedLowLevel(AR1Config(correlation=0.9))),
        tasks=single_task("skill/GoToTarget-Ball-v0", arena_size=4.0),
        limits=Limits(env_steps=1000),
    )


def test_nothing_to_override(stage):
    assert overrides.apply(stage, []) is stage


@pytest.mark.parametrize(
    "args",
    [
        ["--agent.kl-cost", "0.01"],
        ["--agent.kl_cost", "0.01"],
        ["--agent.kl-cost=1e-2"],
        ["agent.kl_cost=1e-2"],
        ["--agent.kl-cost", "5", "--agent.kl-cost", "0.01"],
    ],
)
def test_every_way_of_writing(stage, args):
    changed = overrides.apply(stage, args)
    assert changed == replace(stage, agent=replace(stage.agent, kl_cost=0.01))


def test_nested_fields_keep_the_chosen_classes(stage):
    changed = overrides.apply(
        stage,
        [
            "--agent.default.prior.correlation", "0.5",
            "--agent.policy.high-sizes", "64", "32",
            "agent.critic_sizes=16,16",
            "--agent.samples-per-insert", "8",
            "--limits.minutes", "5", "--limits.env-steps", "None",
            "--actors.count", "8",
            "--tasks.family.kwargs.arena-size", "6",
        ],
    )  # fmt: skip
    assert changed.agent.default == SharedLowLevel(AR1Config(correlation=0.5))
    assert changed.agent.policy.high_sizes == (64, 32)
    assert changed.agent.critic_sizes == (16, 16)
    assert changed.agent.samples_per_insert == 8.0
    assert changed.limits == Limits(minutes=5)
    assert changed.actors.count == 8
    assert changed.tasks.family.kwargs == {"arena_size": 6.0}
    flat = replace(stage, agent=replace(stage.agent, policy=FlatPolicyConfig()))
    assert type(overrides.apply(flat, ["--agent.gamma", "0.9"]).agent.policy) is FlatPolicyConfig


def test_a_negative_value(stage):
    assert overrides.apply(stage, ["--agent.entropy-cost", "-1e-3"]).agent.entropy_cost == -1e-3


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--agent.kl-cots", "1"], "there is no field --agent.kl-cots; did you mean --agent.kl-c"),
        (["--kl-cost", "1"], "there is no field --kl-cost; did you mean --agent.kl-cost?"),
        (["--zzz", "1"], "there is no field --zzz; fields begin with --actors.…, --agent.…,"),
        (["--agent.kl-cost", "much"], "--agent.kl-cost cannot be 'much': it takes float (the exp"),
        (["--actors.count", "1.5"], "--actors.count cannot be '1.5': it takes int"),
        (["--actors.count", "1", "2"], "--actors.count cannot be '1 2': it takes int"),
        (["--agent.kl-cost"], "--agent.kl-cost needs a value: float"),
        (["--limits.env-steps", "None"], "limits need env_steps"),
        (["5"], "'5' is not an override; write --name value"),
    ],
)
def test_a_mistake_is_one_sentence(stage, args, sentence, capsys):
    with pytest.raises(RunError) as caught:
        overrides.apply(stage, args)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capsys.readouterr() == ("", "")


def test_every_field_listed_can_be_given(stage):
    text = overrides.describe(stage)
    assert "--agent.kl-cost" in text
    for name, field in overrides.fields(stage).items():
        value = field.value
        values = list(map(str, value)) if isinstance(value, tuple) else [str(value)]
        if values and values != [""]:
            assert overrides.apply(stage, [f"--{name}", *values]) == stage
