"""A point on a plane that looks for a hidden goal; not in the paper, but quick to learn."""

from __future__ import annotations

from skill_train.experiments.costs import POINT_ROBOT_STEPS_PER_SECOND, of_inline_steps
from skill_train.experiments.spec import Experiment
from skill_train.experiments.vate.stage import stage
from skill_train.skill_agents.vate.beliefs import GaussianBeliefConfig
from skill_train.skill_agents.vate.decoders import RewardAndTransitionConfig
from skill_train.skill_agents.vate.model import VariationalModelConfig
from skill_train.skill_agents.vate.policy_gradient import PPO
from skill_train.skill_agents.vate.vate import VATEConfig
from skill_train.tasks import point_robot

AGENT = VATEConfig(
    belief=GaussianBeliefConfig(size=5),
    model=VariationalModelConfig(
        decoder=RewardAndTransitionConfig(reward_scale=0.3, transition_scale=0.1),
        sampled_rows=10,
        batch_size=10,
        buffer_trials=2_000,
    ),
    optimisation=PPO(epochs=4, minibatches=4),
    model_weight=0.02,
    trials_per_update=60,
    max_length=point_robot.EPISODES * point_robot.EPISODE_STEPS,
    entropy_cost=0.001,
    policy_learning_rate=1e-3,
)
"""VATE with many small updates: with 240 trials to each and lambda 1 the belief was not used."""

ENV_STEPS = 1_000_000

EXPERIMENTS = (
    Experiment(
        name="vate/point-robot",
        summary="a point on a plane, hidden goal on a half circle, VATE, unseen goals",
        stage=stage(AGENT, point_robot.TRAIN, point_robot.TEST, ENV_STEPS, evaluations=20),
        cost=of_inline_steps(ENV_STEPS, POINT_ROBOT_STEPS_PER_SECOND),
    ),
)
