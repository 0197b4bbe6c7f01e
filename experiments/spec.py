"""The specification of experiments: stages of an agent on tasks, which may follow each other.

Everything here is data. `cluster.plan.build` turns it into processes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from skill_train.experiments.data import Data, FromRun
from skill_train.skill_agents.agent import AgentConfig
from skill_train.skill_agents.ranges import Count, Index, NonNegative, Positive, Share
from skill_train.skill_agents.skills import SkillsConfig
from skill_train.skill_agents.transfer import Transfer
from skill_train.tasks.families import Tasks


@dataclass(frozen=True)
class Actors:
    """The actors, which collect the data."""

    count: Count = 4
    """Actor processes."""
    environments: Count = 8
    """Environments that one actor steps with one batched policy."""
    steps_per_refresh: Count = 800
    """Environment steps of one actor between two refreshes of its weights."""


@dataclass(frozen=True)
class Learning:
    """The turns of the learner, and how often it publishes weights."""

    seconds_per_publish: Positive = 0.5
    """Longest time between two sets of weights for the actors."""
    updates_per_publish: Count = 1_000_000
    """Most updates between two sets of weights; small for on-policy learners."""
    overlap: bool = True
    """Whether actors of an on-policy agent over Ray fill a batch while the learner learns from the
    one before, so that data is one batch old; False: actors wait for the newest weights."""
    inline_env_steps: Count = 160
    """Environment steps before the learner's turn, with --inline."""
    inline_updates: Count = 2
    """The most updates before the actor's turn, with --inline."""

    @staticmethod
    def on_policy(inline_env_steps: int) -> Learning:
        """Weights for the actors after every update."""
        return Learning(0.1, 1, inline_env_steps=inline_env_steps, inline_updates=1)


@dataclass(frozen=True)
class Evaluating:
    """Evaluation beside the training, by episodes without exploration."""

    episodes: Count = 20
    every_env_steps: Count = 50_000
    every_learner_steps: Count | None = None
    """Learner steps between evaluations, in place of ``every_env_steps``; needed without actors."""
    final_episodes: Count = 100
    uncounted_episodes: Index = 0
    """First episodes of a trial that are left out of its return, such as those that explore."""


@dataclass(frozen=True)
class Checkpointing:
    """The schedule of checkpoints, and how many are kept."""

    every_minutes: NonNegative = 2.0
    keep: Count = 3
    """Newest checkpoints kept, beside the best-evaluated one."""


@dataclass(frozen=True)
class Limits:
    """The limits of a run, which ends at the first that it reaches; None: no such limit."""

    env_steps: Count | None = None
    learner_steps: Count | None = None
    minutes: Positive | None = None
    success_rate: Share | None = None
    """Success rate of an evaluation at which the run ends early, as its task is solved."""

    def __post_init__(self) -> None:
        if self.env_steps is None and self.learner_steps is None and self.minutes is None:
            raise ValueError("limits need env_steps, learner_steps or minutes: a run must end")


@dataclass(frozen=True)
class Stage:
    """An agent and its tasks, with the amount of acting, of learning, or of both.

    Raises ValueError where the fields do not fit together.
    """

    agent: AgentConfig
    tasks: Tasks
    limits: Limits
    actors: Actors | None = field(default_factory=Actors)
    """The stage's actors; None: the learner learns from `data` alone, in one process."""
    learning: Learning | None = field(default_factory=Learning)
    """The stage's learning; None: rows are collected with the stage's first weights."""
    evaluation: Evaluating = field(default_factory=Evaluating)
    checkpoints: Checkpointing = field(default_factory=Checkpointing)
    evaluation_tasks: Tasks | None = None
    """Unseen tasks to evaluate on; None: the training tasks."""
    transfer: Transfer | None = None
    """Parameters taken over from the experiment before; needs `Experiment.after`."""
    skills: SkillsConfig | None = None
    """The skills, of the agent of the experiment before, that are the actions; None: the actions
    are the task's own."""
    data: Data | None = None
    """Rows that fill the tables before the first update; None: the tables begin empty."""

    @property
    def needs_rows(self) -> bool:
        """Whether the stage learns from the rows of the run that came before."""
        return isinstance(self.data, FromRun)

    @property
    def needs_source(self) -> bool:
        """Whether the stage starts from a run that came before."""
        return any((self.transfer, self.skills, self.needs_rows))

    def __post_init__(self) -> None:
        if self.actors is None and self.learning is None:
            raise ValueError("a stage needs actors, learning or both")
        if self.actors is None:
            if self.data is None:
                raise ValueError("a stage without actors learns from data, and has none")
            if self.evaluation.every_learner_steps is None:
                raise ValueError("a stage without actors needs evaluation.every_learner_steps")
            if self.limits.learner_steps is None and self.limits.minutes is None:
                raise ValueError("a stage without actors needs limits.learner_steps or minutes")
        if self.learning is None and self.limits.env_steps is None and self.limits.minutes is None:
            raise ValueError("a stage without learning needs limits.env_steps or minutes")

    def tiny(self) -> Stage:
        """The stage's tiny form, which takes seconds: few environments and steps, a tiny agent."""
        by_learner = self.evaluation.every_learner_steps is not None
        evaluation = replace(
            self.evaluation,
            episodes=2,
            every_env_steps=1_000,
            every_learner_steps=20 if by_learner else None,
            final_episodes=4,
        )
        small = replace(self, agent=self.agent.tiny(), evaluation=evaluation)
        if self.actors is None:
            return replace(small, limits=Limits(learner_steps=50))
        environments = self.tasks.num_tasks * math.ceil(4 / self.tasks.num_tasks)
        actors = Actors(min(self.actors.count, 2), environments, 20 * environments)
        return replace(small, actors=actors, limits=Limits(env_steps=2_000))


@dataclass(frozen=True)
class Cost:
    """The cost of a whole run, without the runs before it."""

    env_steps: int
    hours: float
    """Hours on two cores without a GPU, measured or extrapolated."""


@dataclass(frozen=True)
class Measured:
    """The measured result of an experiment's finished runs."""

    result: str
    """The mean over seeds of the final evaluations, in a few words: ``100 % success``."""
    seeds: Count
    page: str
    """The page in ``benchmarks/results`` with the measurement, such as ``vate.md``."""
    env_steps: Count | None = None
    """Environment steps of these runs; None: those of the experiment."""


@dataclass(frozen=True)
class Experiment:
    """A named preset, which `skill-train list` shows and `skill-train run` runs."""

    name: str
    """The name as typed: ``paper/task-variant``."""
    summary: str
    """One line about the experiment."""
    stage: Stage
    figure: str = ""
    """The paper's figure or table."""
    bounds: Callable[[], Mapping[str, tuple[float, ...]]] | None = None
    """Exact returns per episode of a trial, by the name of a bound, where they can be computed."""
    after: str | None = None
    """The experiment that comes before, from whose trained agent this one starts."""
    cost: Cost | None = None
    """The cost of a run; None: not measured yet."""
    measured: Measured | None = None
    """The measured result; None: no run has been published."""
    tiny_stage: Stage | None = None
    """The stage that --tiny runs instead, where `Stage.tiny` would have too long episodes; None:
    `Stage.tiny`."""

    def tiny(self) -> Stage:
        """The stage of --tiny, which takes seconds."""
        return self.stage.tiny() if self.tiny_stage is None else self.tiny_stage

    def __post_init__(self) -> None:
        if self.stage.needs_source and self.after is None:
            raise ValueError(
                f"{self.name}: the stage's transfer, skills or data come from a run before it; "
                "name that experiment in after"
            )

    @property
    def paper(self) -> str:
        """The name's first part; without one, the folder in ``skill_agents`` of its agent.

        An agent from outside this package gives the name of its own package.
        """
        paper, slash, _ = self.name.partition("/")
        if slash:
            return paper
        where = type(self.stage.agent).__module__.removeprefix("skill_train.skill_agents.")
        return where.partition(".")[0]

    @property
    def task(self) -> str:
        """The task in the environment's id, such as ``GoToTarget``."""
        return self._env_id[0]

    @property
    def body(self) -> str:
        """The body in the environment's id, with "vision" for pixels: ``ball``, ``ant-vision``."""
        return "-".join(self._env_id[1:]).lower()

    @property
    def _env_id(self) -> list[str]:
        name = self.stage.tasks.family.env_id.removeprefix("skill/")
        return [part for part in name.split("-") if not re.fullmatch(r"v\d+", part)]


def with_measured(
    experiments: Iterable[Experiment], measured: Mapping[str, Measured]
) -> tuple[Experiment, ...]:
    """The experiments with their results in ``measured``, by name."""
    found = tuple(replace(one, measured=measured.get(one.name)) for one in experiments)
    unknown = set(measured) - {one.name for one in found}
    if unknown:
        raise ValueError(f"results of experiments that do not exist: {sorted(unknown)}")
    return found
