"""The quickstart: the paper's go-to-target task with the ball, sized for a laptop.

Body, arena, sparse reward and algorithm are the paper's; the networks, the batch and the number
of actors are smaller, and the learning rates and the target updates faster.
"""

from __future__ import annotations

from dataclasses import replace

from skill_train.experiments.hierarchical_kl.baselines import PRIORS, baselines
from skill_train.experiments.hierarchical_kl.small import SMALL_ACTORS, SMALL_AGENT
from skill_train.experiments.spec import Cost, Evaluating, Experiment, Limits, Stage
from skill_train.tasks.families import single_task

STAGE = Stage(
    agent=SMALL_AGENT,
    tasks=single_task("skill/GoToTarget-Ball-v0", arena_size=8.0),
    actors=SMALL_ACTORS,
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
}

EXPERIMENTS = tuple(
    Experiment(
        name=f"quickstart{name}",
        summary=f"Hierarchical KL: {_SUMMARIES[name]}",
        figure="after figure 3, left",
        stage=replace(STAGE, agent=agent),
        cost=Cost(1_000_000, 8 / 60),  # the limit; benchmarks/results/hierarchical_kl.md: 5 minutes
    )
    for name, agent in {
        **{name: replace(SMALL_AGENT, default=prior) for name, prior in PRIORS.items()},
        "-white-noise": replace(SMALL_AGENT, noise_correlation=0.0),
        **baselines(SMALL_AGENT),
    }.items()
    if name in _SUMMARIES
)
