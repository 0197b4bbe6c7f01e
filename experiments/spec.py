"""What a run is made of: a stage, an agent on a set of tasks, which may start from another's end.

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
    """Who collects the data."""

    count: Count = 4
    """Actor processes."""
    environments: Count = 8
    """Environments that one actor steps with one batched policy."""
    steps_per_refresh: Count = 800
    """Environment steps of one actor between two looks for newer weights."""


@dataclass(frozen=True)
class Learning:
    """How the learner shares what it learned."""

    seconds_per_publish: Positive = 0.5
    """Longest time between two sets of weights for the actors."""
    updates_per_publish: Count = 1_000_000
    """Most updates between two sets of weights; small for on-policy learners."""
    overlap: bool = True
    """On-policy agents over Ray: actors fill a batch while the learner learns from the one before,
    so that data is one batch old. False: they wait for the newest weights."""
    inline_env_steps: Count = 160
    """With --inline, environment steps before the learner's turn."""
    inline_updates: Count = 2
    """With --inline, updates at most before the actor's turn."""


@dataclass(frozen=True)
class Evaluating:
    """Episodes without exploration, beside the training."""

    episodes: Count = 20
    every_env_steps: Count = 50_000
    every_learner_steps: Count | None = None
    """The clock is the learner's instead, where this is given; without actors there is no other."""
    final_episodes: Count = 100
    uncounted_episodes: Index = 0
    """Of a trial, as many first episodes are left out of its return, such as those that explore."""


@dataclass(frozen=True)
class Checkpointing:
    """When to save, and what to keep."""

    every_minutes: NonNegative = 2.0
    keep: Count = 3
    """Newest checkpoints kept, beside the best-evaluated one."""


@dataclass(frozen=True)
class Limits:
    """The run ends at whichever comes first; None: no such limit."""

    env_steps: Count | None = None
    learner_steps: Count | None = None
    minutes: Positive | None = None
    success_rate: Share | None = None
    """End early once an evaluation reaches this; a quickstart need not run on when it is solved."""

    def __post_init__(self) -> None:
        if self.env_steps is None and self.learner_steps is None and self.minutes is None:
            raise ValueError("limits need env_steps, learner_steps or minutes: a run must end")


@dataclass(frozen=True)
class Stage:
    """A part of an experiment that acts, learns, or does both: an agent, its tasks, and how much.

    Raises ValueError where the parts do not make a stage.
    """

    agent: AgentConfig
    tasks: Tasks
    limits: Limits
    actors: Actors | None = field(default_factory=Actors)
    """None: nobody acts, and the learner learns from `data` alone, in one process."""
    learning: Learning | None = field(default_factory=Learning)
    """None: rows are collected and nothing is learned; the weights stay those it begins with."""
    evaluation: Evaluating = field(default_factory=Evaluating)
    checkpoints: Checkpointing = field(default_factory=Checkpointing)
    evaluation_tasks: Tasks | None = None
    """Unseen tasks to evaluate on; None: the training tasks."""
    transfer: Transfer | None = None
    """What the agent takes over from the experiment before; needs `Experiment.after`."""
    skills: SkillsConfig | None = None
    """How its actions are carried out by the agent of the experiment before; None: they are the
    task's own."""
    data: Data | None = None
    """What the tables are filled with before the first update; None: they begin empty."""

    @property
    def needs_source(self) -> bool:
        """Whether it starts from a run that came before."""
        return any((self.transfer, self.skills, isinstance(self.data, FromRun)))

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
        """Seconds of the same: few steps in few environments, with the agent's own tiny form."""
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
    """What a whole run takes, without the one that it comes after."""

    env_steps: int
    hours: float
    """On two cores without a GPU, measured or extrapolated."""


@dataclass(frozen=True)
class Measured:
    """What finished runs of an experiment have reached."""

    result: str
    """The mean over seeds of the final evaluations, in a few words: ``100 % success``."""
    seeds: Count
    page: str
    """The page in ``benchmarks/results`` that tells how it was measured: ``vate.md``."""
    env_steps: Count | None = None
    """Length of these runs; None: that of the experiment."""


@dataclass(frozen=True)
class Experiment:
    """A named preset: what `skill-train list` shows and `skill-train run` runs."""

    name: str
    """As typed: ``paper/task-variant``."""
    summary: str
    """One line."""
    stage: Stage
    figure: str = ""
    """Where the paper shows it."""
    bounds: Callable[[], Mapping[str, tuple[float, ...]]] | None = None
    """Exact returns per episode of a trial by name, where what can be got at all is known."""
    after: str | None = None
    """The experiment that comes before: its trained agent is what this one starts from."""
    cost: Cost | None = None
    """None: nobody has measured it yet."""
    measured: Measured | None = None
    """None: no run of it has been published."""
    tiny_stage: Stage | None = None
    """What is run in its place to try it out; None: `Stage.tiny`, unless its episodes are too long
    for that."""

    def tiny(self) -> Stage:
        """The same code in seconds, with smaller numbers."""
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
        """What is to be done, such as ``GoToTarget``."""
        return self._env_id[0]

    @property
    def body(self) -> str:
        """Who does it, and what it sees if that is not the state: ``ball``, ``ant-vision``."""
        return "-".join(self._env_id[1:]).lower()

    @property
    def _env_id(self) -> list[str]:
        name = self.stage.tasks.family.env_id.removeprefix("skill/")
        return [part for part in name.split("-") if not re.fullmatch(r"v\d+", part)]


def with_measured(
    experiments: Iterable[Experiment], measured: Mapping[str, Measured]
) -> tuple[Experiment, ...]:
    """The same experiments, with what was measured of those that ``measured`` names."""
    found = tuple(replace(one, measured=measured.get(one.name)) for one in experiments)
    unknown = set(measured) - {one.name for one in found}
    if unknown:
        raise ValueError(f"results of experiments that do not exist: {sorted(unknown)}")
    return found
