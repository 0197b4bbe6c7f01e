"""Reacher in "Disentangled Skill Embeddings": grids of arms and goals, cells held out."""

from __future__ import annotations

from dataclasses import replace

from skill_train.experiments.costs import REACHER_STEPS_PER_SECOND, of_inline_steps
from skill_train.experiments.spec import Actors, Evaluating, Experiment, Learning, Limits, Stage
from skill_train.skill_agents.dse.embeddings import (
    DisentangledConfig,
    NoEmbeddingConfig,
    SingleEmbeddingConfig,
)
from skill_train.skill_agents.dse.policies import SharedPolicyConfig
from skill_train.skill_agents.dse.reinforce import ReinforceConfig
from skill_train.skill_agents.dse.sac import DSESACConfig
from skill_train.skill_agents.dse.sac_parts import IndependentSACPoliciesConfig
from skill_train.tasks import reacher
from skill_train.tasks.families import TaskSet, held_out_split

SAC_AGENT = DSESACConfig(
    embedding=DisentangledConfig(
        dynamics_size=2,  # table 2
        goal_size=3,  # table 2
        alpha_dynamics=20.0,  # table 2
        alpha_goal=20.0,  # table 2
        initial_std=0.3,
    ),
    q_learning_rate=3e-3,  # table 2: 0.03
    value_learning_rate=3e-3,  # table 2: 0.03
    samples_per_insert=64.0,
)
"""Table 2 with smaller steps for the critics, and latents that differ between tasks from the start:
latents as wide as the prior shrink to it before the critics have learned to use them. Tuned on seed
100 of the 3x3 grid."""

AGENTS: dict[str, tuple[str, DSESACConfig]] = {
    "": ("DSE-SAC", SAC_AGENT),
    "-paper": ("DSE-SAC, learning rates of table 2", DSESACConfig()),
    "-single": (
        "one latent for each task",
        replace(SAC_AGENT, embedding=SingleEmbeddingConfig(size=5, alpha=20.0, initial_std=0.3)),
    ),
    "-independent": (
        "SAC for each task alone",
        replace(SAC_AGENT, policy=IndependentSACPoliciesConfig(), embedding=NoEmbeddingConfig()),
    ),
}
ALL = tuple(AGENTS)
SAC_ALONE = ("", "-paper")
WITH_EMBEDDINGS = ("", "-single")


def _reacher(
    name: str,
    figure: str,
    compared: tuple[str, ...],
    tasks: TaskSet,
    held_out: TaskSet | None = None,
) -> list[Experiment]:
    environments, steps = 2 * tasks.num_tasks, 30_000 * tasks.num_tasks
    family = tasks.family
    shape = f"{len(family.dynamics)} arms x {len(family.goals)} goals"
    return [
        Experiment(
            name=f"dse/reacher-{name}{variant}",
            summary=f"Reacher, {shape}, {tasks.num_tasks} to train on, {title}",
            figure=figure,
            stage=Stage(
                agent=agent,
                tasks=tasks,
                evaluation_tasks=held_out,
                actors=Actors(
                    count=2, environments=environments, steps_per_refresh=10 * environments
                ),
                learning=Learning(inline_env_steps=environments, inline_updates=2),
                limits=Limits(env_steps=steps),
                evaluation=Evaluating(
                    episodes=10 * family.num_tasks,
                    every_env_steps=2_000 * tasks.num_tasks,
                    final_episodes=50 * family.num_tasks,
                ),
            ),
            cost=of_inline_steps(steps, REACHER_STEPS_PER_SECOND),
        )
        for variant, (title, agent) in AGENTS.items()
        if variant in compared
    ]


REACHER_REINFORCE = ReinforceConfig(
    policy=SharedPolicyConfig(hidden=100),
    embedding=DisentangledConfig(goal_size=3, initial_std=0.3),
    gamma=0.95,  # not given; table 1's 0.99 would count one step of the 100
    policy_learning_rate=0.003,
    embedding_learning_rate=0.003,
    max_grad_norm=1.0,
    return_scale_rate=0.1,
    trials_per_task=8,
    max_length=100,
)
"""REINFORCE's settings for Reacher, which are not in the paper's tables."""


def _reacher_reinforce(name: str, figure: str, tasks: TaskSet) -> Experiment:
    (sac, *_) = _reacher(name, figure, SAC_ALONE, tasks)
    environments = REACHER_REINFORCE.trials_per_task * tasks.num_tasks
    steps = 200_000 * tasks.num_tasks
    return Experiment(
        name=f"dse/reacher-{name}-reinforce",
        summary=sac.summary.replace("DSE-SAC", "DSE-REINFORCE"),
        figure=figure,
        stage=replace(
            sac.stage,
            agent=REACHER_REINFORCE,
            actors=Actors(count=2, environments=environments, steps_per_refresh=20 * environments),
            learning=Learning.on_policy(20 * environments),
            limits=Limits(env_steps=steps),
            evaluation=replace(sac.stage.evaluation, every_env_steps=steps // 20),
        ),
    )


EXPERIMENTS = (
    *_reacher("3x3", "figures 4 and 8", ALL, reacher.GRID.all()),
    *_reacher("2x4", "figure 9", SAC_ALONE, reacher.CORNERS.all()),
    _reacher_reinforce("3x3", "appendix C.5", reacher.GRID.all()),
    _reacher_reinforce("2x4", "figure 9", reacher.CORNERS.all()),
    *_reacher("6-3", "figure 5, table 3", WITH_EMBEDDINGS, *held_out_split(reacher.GRID, "6-3")),
    *_reacher("4-5", "figure 5, table 3", WITH_EMBEDDINGS, *held_out_split(reacher.GRID, "4-5")),
)
