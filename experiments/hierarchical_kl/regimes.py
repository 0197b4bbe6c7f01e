"""Two other ways of training, for the same three agents: figure 9, appendix D.1.

Quasi on-policy: a queue instead of replay. Single actor: replay as ever, but one actor with one
environment gives all the data.
"""

from __future__ import annotations

from dataclasses import replace

from experiments.hierarchical_kl.baselines import PRIORS, baselines
from experiments.hierarchical_kl.speedup import PAPER_ACTORS
from experiments.hierarchical_kl.tiny import tiny_svg0
from experiments.spec import Actors, Evaluating, Experiment, Learning, Limits, Stage
from skill_agents.hierarchical_kl.quasi_on_policy import quasi_on_policy
from skill_agents.hierarchical_kl.svg0 import SVG0Config
from tasks.families import single_task

AGENT = SVG0Config(default=PRIORS[""])  # "Locomotion with Ant. AR-1 process"
AGENTS = {
    "": ("AR(1) prior", AGENT),
    "-svg0": ("flat SVG(0)", baselines(AGENT)["-svg0"]),
    "-distral": ("flat policy with the DISTRAL prior", baselines(AGENT)["-distral"]),
}
SINGLE_ACTOR = Actors(count=1, environments=1, steps_per_refresh=400)


def tiny_queue(stage: Stage) -> Stage:
    """Seconds of the same; the queue still holds two batches."""
    small = tiny_svg0(stage)
    agent = small.agent
    assert isinstance(agent, SVG0Config)
    return replace(small, agent=replace(agent, replay_unrolls=2 * agent.batch_size))


def tiny_single_actor(stage: Stage) -> Stage:
    """Seconds of the same, still with one environment."""
    return replace(tiny_svg0(stage), actors=replace(SINGLE_ACTOR, steps_per_refresh=80))


def _quasi_on_policy(name: str, title: str, agent: SVG0Config) -> Experiment:
    return Experiment(
        name=f"hierarchical_kl/ant-go-to-target{name}-quasi-on-policy",
        summary=f"Ant, go to 1 of 3 targets, {title}, each unroll learned from once",
        figure="figure 9, a",
        stage=Stage(
            agent=quasi_on_policy(agent),
            tasks=single_task("skill/GoToTarget-Ant-v0"),
            actors=PAPER_ACTORS,
            # 128 environments give an unroll each in 10 steps: four of those are a batch of 512.
            learning=Learning(
                seconds_per_publish=0.2, updates_per_publish=1, inline_env_steps=1_280
            ),
            limits=Limits(learner_steps=200_000),
            evaluation=Evaluating(episodes=50, every_env_steps=5_000_000),
        ),
        tiny=tiny_queue,
    )


def _single_actor(name: str, title: str, agent: SVG0Config) -> Experiment:
    return Experiment(
        name=f"hierarchical_kl/ant-go-to-target{name}-single-actor",
        summary=f"Ant, go to 1 of 3 targets, {title}, all data from one actor",
        figure="figure 9, b",
        stage=Stage(
            agent=agent,
            tasks=single_task("skill/GoToTarget-Ant-v0"),
            actors=SINGLE_ACTOR,
            limits=Limits(learner_steps=200_000),
            evaluation=Evaluating(episodes=50, every_env_steps=50_000),
        ),
        tiny=tiny_single_actor,
    )


EXPERIMENTS = tuple(
    make(name, title, agent)
    for make in (_quasi_on_policy, _single_actor)
    for name, (title, agent) in AGENTS.items()
)
