"""A trained low level as the actions of another agent: plain SAC chooses its latents."""

from __future__ import annotations

from skill_train.experiments.hierarchical_kl.domains import DOMAINS
from skill_train.experiments.hierarchical_kl.small import SMALL_ACTORS
from skill_train.experiments.spec import Cost, Evaluating, Experiment, Learning, Limits, Stage
from skill_train.skill_agents.hierarchical_kl.skills import LowLevelConfig
from skill_train.skill_agents.sac.agent import SACConfig
from skill_train.skill_agents.sac.temperature import FixedTemperature

ENV_STEPS = 100_000
AGENT = SACConfig(
    groups=DOMAINS["gap"].full_groups(),
    policy_sizes=(64, 64),
    critic_sizes=(128, 128),  # the quickstart's
    temperature=FixedTemperature(0.05),  # a step at half a metre a second pays 0.5
    policy_learning_rate=1e-3,  # the quickstart's
    q_learning_rate=2e-3,  # the quickstart's
    target_rate=0.01,
    replay_per_task=ENV_STEPS,
    samples_per_insert=32.0,  # an update for every eight steps
)

EXPERIMENTS = (
    Experiment(
        name="hierarchical_kl/skills-ball-go-to-target-to-gap-small",
        summary="Ball, jump over a gap, SAC on the latents of the quickstart's low level",
        figure="after figure 6",
        stage=Stage(
            agent=AGENT,
            tasks=DOMAINS["gap"].tasks("ball"),
            actors=SMALL_ACTORS,
            learning=Learning(inline_env_steps=32, inline_updates=4),
            limits=Limits(env_steps=ENV_STEPS),
            evaluation=Evaluating(episodes=50, every_env_steps=20_000),
            skills=LowLevelConfig(),
        ),
        after="quickstart",
        cost=Cost(ENV_STEPS, 2 / 60),  # 2 minutes inline, on a core of its own
    ),
)
