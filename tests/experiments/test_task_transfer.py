"""What each kind of task transfer keeps (section 7.1), on the agents of the named experiments."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch

from skill_train.actors.vector_env import environment_spec
from skill_train.experiments.registry import EXPERIMENTS
from skill_train.experiments.spec import Experiment
from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0

SHARED = {"policy.low": "policy.low"}
PRIOR = {
    "default_policy.high": "default_policy.high",
    "target_default_policy.high": "target_default_policy.high",
}
SEPARATE = {
    "policy.low": "policy.low",
    "default_policy.low.default": "policy.low",  # pi0_L of the source is its Shared LL
    "target_default_policy.low.default": "policy.low",
}
DISTRAL = {
    "default_policy.low": "default_policy.low",
    "target_default_policy.low": "target_default_policy.low",
}


def build(experiment: Experiment, seed: int) -> SVG0:
    env = experiment.stage.tasks.make(0)
    torch.manual_seed(seed)
    agent = experiment.stage.agent.build(environment_spec(env))
    env.close()
    return agent


def part_of(name: str, parts: Mapping[str, str] | tuple[str, ...]) -> str | None:
    return next((part for part in parts if name.startswith(part + ".")), None)


@pytest.mark.parametrize(
    ("name", "kept", "frozen"),
    [
        ("ball-move-box-hard-to-gather", SHARED, ("policy.low",)),
        ("ant-move-box-easy-to-move-box-mid-isotropic", SHARED, ("policy.low",)),
        (
            "ant-move-box-easy-to-move-box-mid-ar-learned",
            SHARED | PRIOR,
            ("policy.low", "default_policy.high"),
        ),
        ("ant-go-to-target-to-gap-separate", SEPARATE, ("default_policy.low",)),
        ("ball-move-box-hard-to-gather-distral", DISTRAL, ("default_policy.low",)),
        ("ant-box-or-target-to-box-and-target", SHARED, ("policy.low",)),
    ],
)
def test_skills_are_kept_and_the_rest_starts_anew(name, kept, frozen):
    experiment = EXPERIMENTS[f"hierarchical_kl/transfer-{name}"]
    source = build(EXPERIMENTS[experiment.after], seed=0).state_dict()
    agent, fresh = build(experiment, seed=1), build(experiment, seed=1).state_dict()
    experiment.stage.transfer.apply(agent, source)
    for key, value in agent.state_dict().items():
        part = part_of(key, kept)
        expected = fresh[key] if part is None else source[kept[part] + key[len(part) :]]
        assert torch.equal(value, expected), key
    learned = {id(p) for group in agent.parameter_groups().values() for p in group.parameters}
    for key, parameter in agent.named_parameters():
        target = key.startswith(("target_", "evaluated."))  # copies that follow
        assert parameter.requires_grad == (part_of(key, frozen) is None and not target), key
        assert parameter.requires_grad <= (id(parameter) in learned), key


def test_a_separate_low_level_starts_as_its_own_default():
    """So that the KL between them is zero at first."""
    experiment = EXPERIMENTS["hierarchical_kl/transfer-ant-go-to-target-to-gap-separate"]
    agent = build(experiment, seed=1)
    experiment.stage.transfer.apply(
        agent, build(EXPERIMENTS[experiment.after], seed=0).state_dict()
    )
    observation = {"proprioception": torch.randn(5, agent.policy.low.view.size)}
    latent = torch.randn(5, agent.policy.latent_size)
    for default in (agent.default_policy.low.default, agent.target_default_policy.low.default):
        ours, theirs = agent.policy.low(observation, latent), default(observation, latent)
        torch.testing.assert_close(ours, theirs)
