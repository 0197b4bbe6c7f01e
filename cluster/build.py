"""From a stage to its parts: the agent, the rows of its replay, its environments and actors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from actors.actor import Actor
from actors.batched_env import environments
from actors.evaluator import Evaluation, evaluate
from actors.vector_env import environment_spec
from experiments.spec import Stage
from replay.backend import Writer
from replay.step import RowLayout
from skill_agents.agent import Agent, EnvironmentSpec

FINAL_EVALUATION_SEED = 1_000_003
"""Episodes that nothing was ever tuned or stopped on."""
ROLES = ("learner", "actor", "replay", "evaluator", "environment")


def component_seed(seed: int, role: str, index: int = 0, life: int = 0) -> int:
    """A seed of its own for each component of a run, and for each of its lives."""
    sequence = np.random.SeedSequence([seed, ROLES.index(role), index, life])
    return int(sequence.generate_state(1)[0])


@dataclass(frozen=True)
class Source:
    """The trained agent that a stage starts from."""

    plan: Plan
    state: Mapping[str, Tensor]
    """Its ``state_dict()``, on the CPU."""


@dataclass(frozen=True)
class Plan:
    """A stage with what follows from it and its source; cheap to send to every process."""

    stage: Stage
    seed: int
    spec: EnvironmentSpec
    source: Source | None = None

    @staticmethod
    def of(stage: Stage, seed: int, source: Source | None = None) -> Plan:
        """Looks at one environment to learn its spaces."""
        env = stage.tasks.make(stage.tasks.tasks[0])
        family = stage.tasks.family
        spec = environment_spec(env, num_tasks=family.num_tasks)
        env.close()
        spec = replace(spec, num_goals=len(family.goals))
        return Plan(stage, seed, spec, source)

    def agent(self, role: str, index: int = 0) -> Agent:
        """The agent, initialised from the component's own seed and what is taken over.

        Leaves torch seeded with that seed. Raises ValueError where the source does not fit.
        """
        torch.manual_seed(component_seed(self.seed, role, index))
        agent = self.stage.agent.build(self.spec)
        if self.stage.transfer is not None:
            if self.source is None:
                raise ValueError("the stage takes parts over from a trained agent; give it one")
            self.stage.transfer.apply(agent, self.source.state)
        return agent

    def layout(self, agent: Agent) -> RowLayout:
        """The rows that this agent writes and reads."""
        return RowLayout(self.spec.step_spec(agent.extras_spec()))

    def actor(self, index: int, agent: Agent, writer: Writer, env_steps: int = 0) -> Actor:
        """Actor number ``index``; all actors' slots share out the tasks in turn.

        ``env_steps``: how far the run is; a restarted actor does not replay its first episodes.
        """
        size, tasks = self.stage.actors.environments, self.stage.tasks
        slots = range(index * size, (index + 1) * size)
        mine = [tasks.tasks[slot % tasks.num_tasks] for slot in slots]
        env_seed = component_seed(self.seed, "environment", index, env_steps)
        envs = environments(tasks, mine, env_seed)
        noise_seed = component_seed(self.seed, "actor", index, env_steps)
        return Actor(envs, agent, writer, noise_seed)

    def evaluate(self, agent: Agent, episodes: int, seed: int) -> Evaluation:
        """Episodes on the evaluation tasks."""
        tasks = self.stage.evaluation_tasks or self.stage.tasks
        return evaluate(agent, partial(environments, tasks), tasks.tasks, episodes, seed)
