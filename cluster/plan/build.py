"""The plan of a stage, which makes its agent, replay schema, environments and actors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor

from skill_train.actors.actor import Actor
from skill_train.actors.environments import Environments
from skill_train.actors.evaluator import Evaluation, evaluate
from skill_train.actors.make_environments import make_environments
from skill_train.actors.rounds import Rounds
from skill_train.actors.skill_env import SkillEnv, SkillEnvironments
from skill_train.actors.vector_env import environment_spec
from skill_train.cluster.errors import RunError
from skill_train.cluster.plan.outside import Imported
from skill_train.experiments.data import FromDatasets, FromRun
from skill_train.experiments.spec import Actors, Stage
from skill_train.replay.backend import Writer
from skill_train.replay.datasets import read_dataset
from skill_train.replay.filling import fill
from skill_train.replay.saved import saved_episodes
from skill_train.replay.schema import Schema
from skill_train.replay.step import Step
from skill_train.skill_agents.agent import Agent, EnvironmentSpec
from skill_train.skill_agents.skills import Skills
from skill_train.tasks.families import Tasks

FINAL_EVALUATION_SEED = 1_000_003
"""The seed of final evaluations: nothing was ever tuned or stopped on its episodes."""
ROLES = ("learner", "actor", "replay", "evaluator", "environment")


def component_seed(seed: int, role: str, index: int = 0, life: int = 0) -> int:
    """The seed of one component of a run, different after each restart (``life``)."""
    sequence = np.random.SeedSequence([seed, ROLES.index(role), index, life])
    return int(sequence.generate_state(1)[0])


@dataclass(frozen=True)
class Source:
    """The trained agent that a stage starts from."""

    plan: Plan
    state: Mapping[str, Tensor]
    """The agent's ``state_dict()``, on the CPU."""
    replay: Path | None = None
    """Folder of the rows that its run kept, on the driver's node; None where they are not used."""

    def agent(self) -> Agent:
        """The trained agent, for acting."""
        agent = self.plan.agent("evaluator")
        agent.load_state_dict(dict(self.state))
        return agent.eval()


@dataclass(frozen=True)
class Plan:
    """A stage with its seed, environment spec and source; cheap to send to every process."""

    stage: Stage
    seed: int
    spec: EnvironmentSpec
    source: Source | None = None
    imported: Imported = field(default_factory=Imported.here)

    @staticmethod
    def of(stage: Stage, seed: int, source: Source | None = None) -> Plan:
        """The plan of ``stage``; makes one environment to learn its spaces."""
        env = stage.tasks.make(stage.tasks.tasks[0])
        family = stage.tasks.family
        spec = environment_spec(env, num_tasks=family.num_tasks)
        env.close()
        spec = replace(spec, num_goals=len(family.goals))
        skills = skills_of(stage, source)
        if skills is not None and source is not None:
            skills.check(source.plan.spec, spec)
            spec = replace(spec, action=skills.action)
        return Plan(stage, seed, spec, source)

    def agent(self, role: str, index: int = 0) -> Agent:
        """The agent, initialised from the component's own seed and the source.

        Leaves torch seeded with that seed. Raises ValueError where the source does not fit.
        """
        torch.manual_seed(component_seed(self.seed, role, index))
        agent = self.stage.agent.build(self.spec)
        if self.stage.transfer is not None:
            if self.source is None:
                raise ValueError("the stage takes parts over from a trained agent; give it one")
            self.stage.transfer.apply(agent, self.source.state)
        return agent

    @property
    def actors(self) -> Actors:
        """The stage's actors. Raises ValueError where it has none."""
        if self.stage.actors is None:
            raise ValueError("the stage has no actors")
        return self.stage.actors

    @cached_property
    def schema(self) -> Schema:
        """The schema of replay.

        Without actors, or without learning, no ratio is kept between inserts and samples.
        Raises ValueError for data that an on-policy agent cannot learn from.
        """
        stage = self.stage
        schema = stage.agent.schema(self.spec, stage.tasks.tasks)
        if stage.data is not None and any(table.use_once for table in schema.tables):
            raise ValueError(
                "the agent learns once from what its own actors do, and so from no other data"
            )
        if stage.actors is not None and stage.learning is not None:
            ratios = any(table.samples_per_insert is not None for table in schema.tables)
            if stage.data is not None and ratios:
                raise ValueError(
                    "tables that keep a ratio between acting and learning cannot be filled with "
                    "data beforehand; give the agent none (samples_per_insert)"
                )
            return schema
        free = [replace(t, samples_per_insert=None, use_once=False) for t in schema.tables]
        if stage.learning is None:
            return replace(schema, tables=tuple(free), draws={})
        return replace(schema, tables=tuple(replace(table, min_items=1) for table in free))

    def data(self) -> Iterator[Step]:
        """Episodes ``[L+1, ...]`` of the stage's data; none where it has no data.

        Raises ValueError where they cannot be read.
        """
        data = self.stage.data
        if isinstance(data, FromRun):
            if self.source is None or self.source.replay is None:
                raise ValueError("the run before has kept no rows with its last checkpoint")
            yield from saved_episodes(self.source.replay, self.source.plan.schema)
        elif isinstance(data, FromDatasets):
            tasks = self.stage.tasks.tasks
            if len(data.names) not in (1, len(tasks)):
                raise ValueError(
                    f"{len(data.names)} datasets for {len(tasks)} tasks; give one for each, or one"
                )
            each: Sequence[int | None] = tasks if len(data.names) > 1 else (None,)
            for name, task in zip(data.names, each, strict=True):
                yield from read_dataset(name, task)

    def fill(self, writer: Writer) -> int:
        """Write the stage's data through ``writer``, of one stream; returns the actions written.

        Raises ValueError where the data cannot be read, or do not fit the agent's rows.
        """
        data = self.stage.data
        if data is None:
            return 0
        actions = fill(writer, self.schema, self.data(), data.relabel)
        if actions == 0:
            raise ValueError("the data hold nothing of the stage's tasks")
        return actions

    def rounds(self, actors: int | None = None) -> Rounds | None:
        """The rounds in which actors fill an on-policy agent's batches; None for other agents.

        ``actors`` is their number; None stands for the stage's.
        """
        mine = self.stage.actors
        if mine is None:
            return None
        return Rounds.of(self.schema, mine.count if actors is None else actors, mine.environments)

    def actor(self, index: int, agent: Agent, writer: Writer, env_steps: int = 0) -> Actor:
        """Actor number ``index``; the slots of all actors take the tasks in turn.

        ``env_steps`` of the run so far vary the seed, so that a restarted actor does not replay its
        first episodes.
        """
        size, tasks = self.actors.environments, self.stage.tasks
        slots = range(index * size, (index + 1) * size)
        mine = [tasks.tasks[slot % tasks.num_tasks] for slot in slots]
        env_seed = component_seed(self.seed, "environment", index, env_steps)
        envs = self.environments(tasks, mine, env_seed)
        noise_seed = component_seed(self.seed, "actor", index, env_steps)
        return Actor(envs, agent, writer, noise_seed)

    def evaluate(self, agent: Agent, episodes: int, seed: int) -> Evaluation:
        """Play episodes on the evaluation tasks; raises RunError where too many are uncounted."""
        tasks = self.stage.evaluation_tasks or self.stage.tasks
        played = evaluate(agent, partial(self.environments, tasks), tasks.tasks, episodes, seed)
        try:
            return played.without_first(self.stage.evaluation.uncounted_episodes)
        except ValueError as error:
            raise RunError(str(error)) from error

    def make(self, task: int, **kwargs: Any) -> gymnasium.Env:
        """One evaluation task's environment for the agent, ``kwargs`` overriding the family's."""
        env = (self.stage.evaluation_tasks or self.stage.tasks).make(task, **kwargs)
        skills = skills_of(self.stage, self.source)
        return env if skills is None else SkillEnv(env, skills)

    def environments(self, tasks: Tasks, slots: Sequence[int], seed: int) -> Environments:
        """The agent's environments, one for the task of each of ``slots``, skills included."""
        envs, skills = make_environments(tasks, slots, seed), skills_of(self.stage, self.source)
        return envs if skills is None else SkillEnvironments(envs, skills, seed)


def skills_of(stage: Stage, source: Source | None) -> Skills | None:
    """The skills that the stage acts through, if any; raises ValueError if the source has none."""
    if stage.skills is None:
        return None
    if source is None:
        raise ValueError("the stage acts through the skills of a trained agent; give it one")
    return stage.skills.build(source.agent())
