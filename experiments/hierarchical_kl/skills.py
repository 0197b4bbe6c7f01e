"""A trained low level as the actions of another agent: plain SAC chooses its latents."""

from __future__ import annotations

from skill_train.experiments.hierarchical_kl import quickstart
from skill_train.experiments.hierarchical_kl.small import SMALL_ACTORS
from skill_train.experiments.shared_learners import tiny_sac
from skill_train.experiments.spec import Evaluating, Experiment, Learning, Limits, Stage
from skill_train.skill_agents.hierarchical_kl.skills import LowLevelConfig
from skill_train.skill_agents.sac.agent import SACConfig
from skill_train.skill_agents.sac.temperature import FixedTemperature

ENV_STEPS = 200_000
AGENT = SACConfig(
    groups=("proprioception", "task"),  # as the quickstart's high level
    policy_sizes=(64, 64),
    critic_sizes=(128, 128),  # the quickstart's
    temperature=FixedTemperature(0.02),
    policy_learning_rate=1e-3,  # the quickstart's
    q_learning_rate=2e-3,  # the quickstart's
    target_rate=0.01,
    replay_per_task=ENV_STEPS,
    samples_per_insert=32.0,  # an update for every eight steps
)
"""A nat a step, without end, must be worth little beside the 60 of an arrival, which ends the
episode: 0.02 of them are 2 at this discount, the 1.0 that a learned temperature starts at, 100."""

EXPERIMENTS = (
    Experiment(
        name="hierarchical_kl/skills-ball-go-to-target-small",
        summary="Ball, go to 1 of 3 targets, SAC on the latents of the quickstart's low level",
        stage=Stage(
            agent=AGENT,
            tasks=quickstart.STAGE.tasks,
            actors=SMALL_ACTORS,
            learning=Learning(inline_env_steps=32, inline_updates=4),
            limits=Limits(env_steps=ENV_STEPS),
            evaluation=Evaluating(episodes=50, every_env_steps=20_000),
            skills=LowLevelConfig(),
        ),
        tiny=tiny_sac,
        after="quickstart",
    ),
)
