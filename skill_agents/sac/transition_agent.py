"""What agents share that learn off-policy from single transitions: their table and their draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from skill_train.replay.tables import Draw, TableSpec, transitions
from skill_train.skill_agents.agent import Agent, AgentConfig
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


Config = TypeVar("Config", bound=TransitionAgentConfig)


class TransitionAgent(Agent, Generic[Config]):
    """Draws M transitions of each task, uniformly among all there were; one task is N = 1."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config

    def tables(self) -> tuple[TableSpec, ...]:
        """A table of transitions for each task."""
        c = self.config
        return (
            transitions(
                "transitions",
                c.replay_per_task,
                min_items=c.minimum_per_task,
                samples_per_insert=c.samples_per_insert,
                per_task=True,
            ),
        )

    def draws(self) -> Mapping[str, Draw]:
        """M transitions of each of N tasks, ``[2, N, M]``."""
        return {"transitions": Draw("transitions", self.config.batch_per_task)}
