"""HalfCheetah and Ant with a hidden speed, direction or place; not in the paper."""

from __future__ import annotations

from dataclasses import replace

from skill_train.experiments.spec import Experiment, Stage
from skill_train.experiments.vate.stage import stage
from skill_train.skill_agents.vate.beliefs import GaussianBeliefConfig
from skill_train.skill_agents.vate.decoders import RewardAndTransitionConfig
from skill_train.skill_agents.vate.model import VariationalModelConfig
from skill_train.skill_agents.vate.vate import VATEConfig
from skill_train.tasks import meta_locomotion
from skill_train.tasks.families import Tasks, TaskSet

AGENT = VATEConfig(
    belief=GaussianBeliefConfig(size=5),
    model=VariationalModelConfig(
        decoder=RewardAndTransitionConfig(transition_weight=0.1),
        sampled_rows=25,
        batch_size=8,
        buffer_trials=1_000,
    ),
    trials_per_update=60,
    max_length=meta_locomotion.EPISODES * meta_locomotion.EPISODE_STEPS,
    policy_sizes=(128, 128),
    value_sizes=(128, 128),
    gamma=0.97,
    entropy_cost=0.001,
)
"""VATE's settings for locomotion, which are not tuned."""

TASKS: dict[str, tuple[str, TaskSet, TaskSet | None]] = {
    "cheetah-vel": ("HalfCheetah, a hidden speed", *meta_locomotion.CHEETAH_VEL),
    "cheetah-dir": ("HalfCheetah, forward or backward", meta_locomotion.CHEETAH_DIR, None),
    "ant-dir": ("Ant, a hidden direction", *meta_locomotion.ANT_DIR),
    "ant-goal": ("Ant, a hidden place", *meta_locomotion.ANT_GOAL),
}


def _locomotion(name: str, title: str, tasks: TaskSet, held_out: TaskSet | None) -> Experiment:
    whole = stage(AGENT, tasks, held_out, 20_000_000, evaluations=40)
    return Experiment(
        name=f"vate/{name}",
        summary=f"{title}, VATE" + (", unseen goals" if held_out else ""),
        stage=whole,
        tiny_stage=_of_short_episodes(whole).tiny(),
    )


def _of_short_episodes(whole: Stage) -> Stage:
    """The tiny stage with episodes of 10 steps, as a whole trial would be longer than the run."""
    assert isinstance(whole.agent, VATEConfig)

    def short(tasks: Tasks) -> TaskSet:
        return TaskSet(replace(tasks.family, kwargs={"episode_steps": 10}), tasks.tasks)

    return replace(
        whole,
        agent=replace(whole.agent, max_length=10 * meta_locomotion.EPISODES),
        tasks=short(whole.tasks),
        evaluation_tasks=None if whole.evaluation_tasks is None else short(whole.evaluation_tasks),
    )


EXPERIMENTS = tuple(_locomotion(name, *of_task) for name, of_task in TASKS.items())
