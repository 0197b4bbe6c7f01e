"""Table and draw of agents that learn off-policy from single transitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, Self, TypeVar

from skill_train.replay.schema import Schema
from skill_train.replay.tables import Draw, transitions
from skill_train.skill_agents.agent import Agent, AgentConfig, EnvironmentSpec
from skill_train.skill_agents.ranges import Count, Positive, Share


@dataclass(frozen=True)
class TransitionAgentConfig(AgentConfig):
    """Data of each task; the defaults are those of Haarnoja et al. 2018b, table 1."""

    gamma: Share = 0.99
    target_rate: Share = 0.005
    batch_per_task: Count = 256
    replay_per_task: Count = 1_000_000
    minimum_per_task: Count = 1_000  # as in the authors' code
    samples_per_insert: Positive = 256.0  # an update for each environment step of a task

    def tiny(self) -> Self:
        """The same algorithm with small batches, drawn early and seldom."""
        return replace(self, batch_per_task=8, minimum_per_task=20, samples_per_insert=0.5)

    def schema(self, spec: EnvironmentSpec, tasks: Sequence[int]) -> Schema:
        """A table of transitions for each of N tasks; batches of M of each, ``[2, N, M]``."""
        table = transitions(
            "transitions",
            self.replay_per_task,
            min_items=self.minimum_per_task,
            samples_per_insert=self.samples_per_insert,
            per_task=True,
        )
        draws = {"transitions": Draw("transitions", self.batch_per_task)}
        return Schema((table,), draws, spec.step_spec({}), tuple(tasks))


Config = TypeVar("Config", bound=TransitionAgentConfig)


class TransitionAgent(Agent, Generic[Config]):
    """An agent that draws M transitions of each of N tasks, uniformly from replay."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
