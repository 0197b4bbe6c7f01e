"""The paper's runs (appendix F.1), at its sizes."""

from __future__ import annotations

from dataclasses import replace

from skill_train.experiments.costs import of_learner_steps
from skill_train.experiments.spec import Actors, Evaluating, Experiment, Limits, Stage
from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0Config
from skill_train.skill_agents.transfer import Transfer
from skill_train.tasks.families import TaskSet, single_task

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
    """The experiment of ``agent`` on ``tasks``; ``after`` and ``name`` lack the paper's prefix."""
    pixels = tasks.family.env_id.endswith("-Vision-v0")
    if pixels:
        agent = replace(agent, replay_unrolls=VISION_UNROLLS)
    stage = Stage(
        agent=agent,
        tasks=tasks,
        actors=actors,
        limits=Limits(learner_steps=LEARNER_STEPS),
        evaluation=Evaluating(episodes=50, every_env_steps=500_000),
        transfer=transfer,
    )
    return Experiment(
        name=f"hierarchical_kl/{name}",
        summary=summary[0].upper() + summary[1:],
        figure=figure,
        stage=stage,
        tiny_stage=_short_sighted(stage) if pixels else None,
        after=None if after is None else f"hierarchical_kl/{after}",
        cost=of_learner_steps(LEARNER_STEPS, tasks),
    )


def _short_sighted(stage: Stage) -> Stage:
    """The tiny form of a stage with pixels: short episodes, as pixels are slow without a GPU."""
    small = stage.tiny()
    assert isinstance(small.agent, SVG0Config)
    return replace(
        small,
        agent=replace(small.agent, minimum_unrolls=4),
        tasks=single_task(stage.tasks.family.env_id, episode_steps=20),
        actors=Actors(count=2, environments=2, steps_per_refresh=40),
        evaluation=Evaluating(episodes=1, every_env_steps=100, final_episodes=4),
        limits=Limits(env_steps=200),
    )
