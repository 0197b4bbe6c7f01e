"""Experiments of "Exploiting Hierarchy for Learning and Transfer in KL-regularized RL"."""

from __future__ import annotations

from dataclasses import replace

from experiments.spec import Actors, Evaluating, Experiment, Learning, Limits, Stage
from skill_agents.hierarchical_kl.defaults import (
    DefaultConfig,
    FlatDefault,
    NoDefault,
    SharedLowLevel,
)
from skill_agents.hierarchical_kl.policies import FlatPolicyConfig, HierarchicalPolicyConfig
from skill_agents.hierarchical_kl.priors import AR1Config, IsotropicConfig, LearnedARConfig
from skill_agents.hierarchical_kl.svg0 import SVG0Config
from skill_agents.hierarchical_kl.vtrace_agent import VTraceConfig
from tasks.families import single_task

PAPER_ACTORS = Actors(count=32, environments=4, steps_per_refresh=1_000)  # section 6: 32 actors

PRIORS: dict[str, DefaultConfig] = {
    "": SharedLowLevel(AR1Config(correlation=0.95)),  # Appendix G.2, go to 1 of 3 targets
    "-isotropic": SharedLowLevel(IsotropicConfig()),
    "-ar-learned": SharedLowLevel(LearnedARConfig()),
}


def baselines(agent: SVG0Config) -> dict[str, SVG0Config]:
    """The flat agents that the paper compares with, sized like ``agent``."""
    hierarchical = agent.policy
    assert isinstance(hierarchical, HierarchicalPolicyConfig)
    flat = FlatPolicyConfig(
        sizes=hierarchical.low_sizes,
        default_sizes=hierarchical.low_sizes,
        initial_action_std=hierarchical.initial_action_std,
    )
    flat_agent = replace(agent, policy=flat, noise_correlation=0.0)
    return {
        "-svg0": replace(flat_agent, default=NoDefault()),
        "-distral": replace(
            flat_agent,
            default=FlatDefault(),
            kl_cost=1e-2,  # Appendix G.1, "posterior entropy cost for DISTRAL"
            default_learning_rate=5.0 * agent.actor_learning_rate,  # Appendix G.1: 5e-4 to 1e-4
        ),
    }


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
    return replace(stage, agent=small, **_TINY_RUN)  # type: ignore[arg-type]


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


_TINY_SIZES: dict[type, dict[str, object]] = {
    HierarchicalPolicyConfig: {"high_sizes": (16,), "latent_size": 2, "low_sizes": (16, 16)},
    FlatPolicyConfig: {"sizes": (16, 16), "default_sizes": (16, 16)},
}
_TINY_RUN: dict[str, object] = {
    "actors": Actors(count=2, environments=4, steps_per_refresh=80),
    "evaluation": Evaluating(episodes=2, every_env_steps=2_000, final_episodes=4),
    "limits": Limits(env_steps=4_000),
}


def _ball_go_to_target() -> list[Experiment]:
    agent = SVG0Config()
    agents = {name: replace(agent, default=default) for name, default in PRIORS.items()}
    titles = {
        "": "AR(1) prior",
        "-isotropic": "isotropic prior",
        "-ar-learned": "learned AR prior",
        "-svg0": "flat SVG(0)",
        "-distral": "flat policy with the DISTRAL prior",
    }
    return [
        Experiment(
            name=f"hierarchical_kl/ball-go-to-target{name}",
            summary=f"Ball, go to 1 of 3 targets in the 8x8 arena, {titles[name]}, paper's sizes",
            figure="figure 3, left (there with the ant)",
            stage=Stage(
                agent=variant,
                tasks=single_task("skill/GoToTarget-Ball-v0"),
                actors=PAPER_ACTORS,
                limits=Limits(learner_steps=200_000),
                evaluation=Evaluating(episodes=50, every_env_steps=500_000),
            ),
            tiny=tiny_svg0,
        )
        for name, variant in {**agents, **baselines(agent)}.items()
    ]


GRID_AGENT = VTraceConfig(
    policy=HierarchicalPolicyConfig(
        high_groups=("task",),  # section 7.2: the high level is agnostic to the body
        low_groups=("proprioception",),
        high_sizes=(128, 128),
        latent_size=4,
        low_sizes=(64, 64),
    ),
    default=SharedLowLevel(LearnedARConfig()),  # Appendix D.3: "with AR-learned prior"
    critic_sizes=(128, 128),
)

GRID_1STEP = Experiment(
    name="hierarchical_kl/grid-1step",
    summary="8x8 grid, 1-step body, V-trace, learned AR prior",
    figure="figure 12, the source of the body transfer",
    stage=Stage(
        agent=GRID_AGENT,
        tasks=single_task("skill/Grid-1step-v0"),
        actors=Actors(count=2, environments=32, steps_per_refresh=1_280),
        learning=Learning(
            seconds_per_publish=0.2, updates_per_publish=4, inline_env_steps=640, inline_updates=4
        ),
        limits=Limits(env_steps=1_500_000),
        evaluation=Evaluating(episodes=100, every_env_steps=200_000, final_episodes=500),
    ),
    tiny=tiny_vtrace,
)

EXPERIMENTS = (*_ball_go_to_target(), GRID_1STEP)
