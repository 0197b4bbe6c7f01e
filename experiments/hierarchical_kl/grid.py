"""The grid: n-step bodies from scratch, and by body transfer from the 1-step body (figure 12)."""

from __future__ import annotations

from dataclasses import replace

from skill_train.experiments.costs import GRID_STEPS_PER_SECOND, of_inline_steps
from skill_train.experiments.spec import Actors, Evaluating, Experiment, Learning, Limits, Stage
from skill_train.skill_agents.hierarchical_kl.defaults import SharedLowLevel
from skill_train.skill_agents.hierarchical_kl.policies import HierarchicalPolicyConfig
from skill_train.skill_agents.hierarchical_kl.priors import LearnedARConfig
from skill_train.skill_agents.hierarchical_kl.vtrace_agent import VTraceConfig
from skill_train.skill_agents.transfer import Transfer
from skill_train.tasks.families import single_task

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
ENV_STEPS = {1: 1_500_000, 4: 600_000, 8: 600_000}
HIGH_LEVEL = Transfer(
    copy=("policy.high", "default_policy.high"), freeze=("policy.high", "default_policy.high")
)
"""Body transfer of section 7.2: pi_H and pi0_H are kept, pi_L and the critic are learned."""
TRANSFER_KL_COST = 0.1  # chosen on seed 100; the paper gives none for the grid


def _stage(body_steps: int, kl_cost: float = GRID_AGENT.kl_cost) -> Stage:
    """A stage of the n-step body from scratch; latents are held for n steps (appendix E.1)."""
    return Stage(
        agent=replace(GRID_AGENT, latent_period=body_steps, kl_cost=kl_cost),
        tasks=single_task(f"skill/Grid-{body_steps}step-v0"),
        actors=Actors(count=2, environments=16, steps_per_refresh=1_280),
        learning=Learning(
            seconds_per_publish=0.2, updates_per_publish=4, inline_env_steps=640, inline_updates=4
        ),
        limits=Limits(env_steps=ENV_STEPS[body_steps]),
        evaluation=Evaluating(episodes=100, every_env_steps=200_000, final_episodes=500),
    )


def _from_1step(body_steps: int, kl_cost: float) -> Stage:
    return replace(_stage(body_steps, kl_cost), transfer=HIGH_LEVEL)


_FIGURE = "figure 12, left"

EXPERIMENTS = (
    Experiment(
        name="hierarchical_kl/grid-1step",
        summary="8x8 grid, 1-step body, V-trace, learned AR prior",
        figure="figure 12, the source of the body transfer",
        stage=_stage(1),
        cost=of_inline_steps(ENV_STEPS[1], GRID_STEPS_PER_SECOND),
    ),
    *(
        Experiment(
            name=f"hierarchical_kl/grid-{n}step",
            summary=f"8x8 grid, {n}-step body from scratch",
            figure=_FIGURE,
            stage=_stage(n),
            cost=of_inline_steps(ENV_STEPS[n], GRID_STEPS_PER_SECOND),
        )
        for n in (4, 8)
    ),
    *(
        Experiment(
            name=f"hierarchical_kl/grid-body-transfer-{n}step{variant}",
            summary=f"{n}-step body under the 1-step body's high level, {what}",
            figure=_FIGURE,
            stage=_from_1step(n, kl_cost),
            cost=of_inline_steps(ENV_STEPS[n], GRID_STEPS_PER_SECOND),
            after="hierarchical_kl/grid-1step",
        )
        for n, variant, what, kl_cost in (
            (4, "", "KL reward", TRANSFER_KL_COST),
            (8, "", "KL reward", TRANSFER_KL_COST),
            (8, "-no-kl", "no KL reward", 0.0),
        )
    ),
)
