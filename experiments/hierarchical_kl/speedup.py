"""Experiments of "Exploiting Hierarchy for Learning and Transfer in KL-regularized RL"."""

from __future__ import annotations

from dataclasses import replace

from experiments.hierarchical_kl.baselines import PRIORS, baselines
from experiments.hierarchical_kl.tiny import tiny_svg0
from experiments.spec import Actors, Evaluating, Experiment, Limits, Stage
from skill_agents.hierarchical_kl.svg0 import SVG0Config
from tasks.families import single_task

PAPER_ACTORS = Actors(count=32, environments=4, steps_per_refresh=1_000)  # section 6: 32 actors


def _ball_go_to_target() -> list[Experiment]:
    agent = SVG0Config()
    agents = {name: replace(agent, default=default) for name, default in PRIORS.items()}
    titles = {
        "": "AR(1) prior",
        "-isotropic": "isotropic prior",
        "-ar-learned": "learned AR prior",
        "-svg0": "flat SVG(0)",
        "-distral": "flat policy with the DISTRAL prior",
        "-distral-2-columns": "DISTRAL prior, 2 columns",
        "-distral-shared-prior": "DISTRAL shared prior",
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


EXPERIMENTS = tuple(_ball_go_to_target())
