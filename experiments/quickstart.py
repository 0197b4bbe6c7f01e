"""The quickstart: the paper's go-to-target task with the ball, sized for a laptop.

Body, arena, sparse reward and algorithm are the paper's; the networks, the batch and the number
of actors are smaller, and the learning rates and the target updates faster.
"""

from __future__ import annotations

from dataclasses import replace

from experiments.hierarchical_kl.baselines import PRIORS, baselines
from experiments.hierarchical_kl.tiny import tiny_svg0
from experiments.spec import Actors, Evaluating, Experiment, Limits, Stage
from skill_agents.hierarchical_kl.policies import HierarchicalPolicyConfig
from skill_agents.hierarchical_kl.svg0 import SVG0Config
from tasks.families import single_task

SMALL_AGENT = SVG0Config(
    policy=HierarchicalPolicyConfig(
        high_sizes=(64,), latent_size=4, low_sizes=(64, 64), initial_action_std=0.4
    ),
    default=PRIORS[""],
    critic_sizes=(128, 128),
    noise_correlation=0.95,
    kl_cost=1e-2,
    action_samples=4,
    actor_learning_rate=1e-3,
    critic_learning_rate=2e-3,
    default_learning_rate=1e-3,
    target_update_period=25,
    batch_size=64,
    replay_unrolls=100_000,
    minimum_unrolls=500,
    samples_per_unroll=8.0,
)

STAGE = Stage(
    agent=SMALL_AGENT,
    tasks=single_task("skill/GoToTarget-Ball-v0", arena_size=8.0),
    actors=Actors(count=2, environments=16, steps_per_refresh=800),
    limits=Limits(minutes=8.0, success_rate=0.98),
    evaluation=Evaluating(episodes=50, every_env_steps=100_000),
)

_SUMMARIES = {
    "": "a ball learns to roll to the named one of three targets, in minutes on a laptop",
    "-isotropic": "the same with an isotropic prior",
    "-ar-learned": "the same with a learned autoregressive prior",
    "-white-noise": "the same with latents drawn by independent noise",
    "-svg0": "the same with flat SVG(0)",
    "-distral": "the same with a flat policy and the DISTRAL prior",
    "-distral-2-columns": "the same with a flat policy built on its DISTRAL prior",
    "-distral-shared-prior": "the same with a DISTRAL prior built on a flat policy",
}

EXPERIMENTS = tuple(
    Experiment(
        name=f"quickstart{name}",
        summary=f"Hierarchical KL: {_SUMMARIES[name]}",
        figure="after figure 3, left",
        stage=replace(STAGE, agent=agent),
        tiny=tiny_svg0,
    )
    for name, agent in {
        **{name: replace(SMALL_AGENT, default=prior) for name, prior in PRIORS.items()},
        "-white-noise": replace(SMALL_AGENT, noise_correlation=0.0),
        **baselines(SMALL_AGENT),
    }.items()
)
