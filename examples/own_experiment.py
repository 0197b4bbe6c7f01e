"""An experiment of one's own: SAC on two tasks of an arm at once, and another discount.

skill-train run examples/own_experiment.py
skill-train list examples/own_experiment.py      # every field that can be overridden
"""

from __future__ import annotations

from skill_train.experiments.spec import Actors, Evaluating, Experiment, Learning, Limits, Stage
from skill_train.skill_agents.sac.agent import SACConfig
from skill_train.tasks import reacher

TASKS = reacher.GRID.only([(0, 0), (2, 1)])  # (arm, goal)

EXPERIMENT = Experiment(
    name="own/two-reachers",
    summary="two tasks of Reacher, a learner for each, stacked into one",
    stage=Stage(
        agent=SACConfig(groups=("*",), gamma=0.95, samples_per_insert=64.0),
        tasks=TASKS,
        actors=Actors(count=1, environments=2, steps_per_refresh=40),
        learning=Learning(seconds_per_publish=0.1, inline_env_steps=8, inline_updates=1),
        limits=Limits(env_steps=40_000),
        evaluation=Evaluating(episodes=10, every_env_steps=4_000, final_episodes=100),
    ),
)
