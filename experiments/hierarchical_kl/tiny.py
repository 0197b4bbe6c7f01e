"""Experiments shrunk to seconds: the same code with small networks, batches and tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from skill_train.experiments.spec import Actors, Evaluating, Limits, Stage
from skill_train.skill_agents.hierarchical_kl.distral import TwoColumnPolicyConfig
from skill_train.skill_agents.hierarchical_kl.policies import (
    FlatPolicyConfig,
    HierarchicalPolicyConfig,
)
from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0Config
from skill_train.skill_agents.hierarchical_kl.vtrace_agent import VTraceConfig
from skill_train.tasks.families import single_task


def tiny_svg0(stage: Stage) -> Stage:
    """Seconds of the same."""
    agent = stage.agent
    assert isinstance(agent, SVG0Config)
    small = replace(
        agent,
        policy=replace(agent.policy, **_TINY_SIZES[type(agent.policy)]),
        critic_sizes=(16, 16),
        batch_size=8,
        replay_unrolls=2_000,
        minimum_unrolls=16,
        action_samples=2,
        target_update_period=10,
    )
    if stage.tasks.family.env_id.endswith("-Vision-v0"):
        return replace(_short_sighted(stage), agent=replace(small, minimum_unrolls=4))
    return replace(stage, agent=small, **_TINY_RUN)  # type: ignore[arg-type]


def _short_sighted(stage: Stage) -> Stage:
    """Pictures take long where there is no GPU: a twentieth of the steps, in short episodes."""
    return replace(
        stage,
        tasks=single_task(stage.tasks.family.env_id, episode_steps=20),
        actors=Actors(count=2, environments=2, steps_per_refresh=40),
        evaluation=Evaluating(episodes=1, every_env_steps=100, final_episodes=4),
        limits=Limits(env_steps=200),
    )


def tiny_vtrace(stage: Stage) -> Stage:
    """Seconds of the same."""
    agent = stage.agent
    assert isinstance(agent, VTraceConfig)
    small = replace(
        agent,
        policy=replace(agent.policy, **_TINY_SIZES[type(agent.policy)]),
        critic_sizes=(16, 16),
        batch_size=4,
    )
    return replace(stage, agent=small, **_TINY_RUN)  # type: ignore[arg-type]


_TINY_FLAT: dict[str, Any] = {"sizes": (16, 16), "default_sizes": (16, 16)}
_TINY_SIZES: dict[type, dict[str, Any]] = {
    HierarchicalPolicyConfig: {"high_sizes": (16,), "latent_size": 2, "low_sizes": (16, 16)},
    FlatPolicyConfig: _TINY_FLAT,
    TwoColumnPolicyConfig: _TINY_FLAT,
}
_TINY_RUN: dict[str, object] = {
    "actors": Actors(count=2, environments=4, steps_per_refresh=80),
    "evaluation": Evaluating(episodes=2, every_env_steps=1_000, final_episodes=4),
    "limits": Limits(env_steps=2_000),
}
