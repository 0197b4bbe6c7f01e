"""A run as the paper describes it (appendix F.1), at its sizes."""

from __future__ import annotations

from dataclasses import replace

from skill_train.experiments.costs import of_learner_steps
from skill_train.experiments.hierarchical_kl.tiny import tiny_svg0
from skill_train.experiments.spec import Actors, Evaluating, Experiment, Limits, Stage
from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0Config
from skill_train.skill_agents.transfer import Transfer
from skill_train.tasks.families import TaskSet

PAPER_ACTORS = Actors(count=32, environments=4, steps_per_refresh=1_000)  # section 6: 32 actors
LEARNER_STEPS = 200_000  # the paper's curves go on for more; it prints steps, not updates
VISION_UNROLLS = 10_000  # a row of pixels is 12 KiB


def experiment(
    name: str,
    summary: str,
    figure: str,
    agent: SVG0Config,
    tasks: TaskSet,
    *,
    after: str | None = None,
    transfer: Transfer | None = None,
    actors: Actors = PAPER_ACTORS,
) -> Experiment:
    """A named run of ``agent`` on ``tasks``; ``after`` and ``name`` without the paper's."""
    pixels = tasks.family.env_id.endswith("-Vision-v0")
    if pixels:
        agent = replace(agent, replay_unrolls=VISION_UNROLLS)
    return Experiment(
        name=f"hierarchical_kl/{name}",
        summary=summary[0].upper() + summary[1:],
        figure=figure,
        stage=Stage(
            agent=agent,
            tasks=tasks,
            actors=actors,
            limits=Limits(learner_steps=LEARNER_STEPS),
            evaluation=Evaluating(episodes=50, every_env_steps=500_000),
            transfer=transfer,
        ),
        tiny=tiny_svg0,
        after=None if after is None else f"hierarchical_kl/{after}",
        cost=of_learner_steps(LEARNER_STEPS, tasks),
    )
