"""The actor: act, step, write, refresh."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from actors.environments import Environments
from actors.player import Player
from actors.vector_env import EpisodeResult
from replay.backend import Writer
from replay.step import Step
from skill_agents.agent import Agent

FLUSH_EVERY = 8
"""Steps of all environments between two looks at whether replay still takes what was written."""


@dataclass
class ActorReport:
    """What one call of `Actor.run` did."""

    env_steps: int = 0
    """Actions taken, over all environments."""
    episodes: list[EpisodeResult] = field(default_factory=list)
    policy_version: int = 0
    """Learner step of the weights that acted."""
    environment_failures: int = 0
    blocked: bool = False
    """Replay did not take more rows in time: the learner is behind, or the server is away."""
    blocked_seconds: float = 0.0
    seconds: float = 0.0


class Actor:
    """Steps B environments with one batched policy and writes every row to replay.

    Its policy runs on the CPU; keep torch to one thread in an actor's process.
    """

    def __init__(self, envs: Environments, agent: Agent, writer: Writer, seed: int) -> None:
        self.envs = envs
        self.agent = agent.eval()
        self.policy_version = 0
        self._writer = writer
        self._player = Player(self.agent, envs, seed, explore=True)

    def set_weights(self, weights: Mapping[str, Tensor], policy_version: int) -> None:
        """Act with these weights from now on; recurrent state is kept."""
        self.agent.load_acting_weights(weights)
        self.policy_version = policy_version

    def run(self, num_steps: int, flush_timeout_s: float = 1.0) -> ActorReport:
        """Take about ``num_steps`` actions (a multiple of B), or fewer where replay blocks."""
        report = ActorReport(policy_version=self.policy_version)
        started = time.perf_counter()
        failures = self.envs.failures
        if self._flush(report, flush_timeout_s):
            for i in range(max(1, num_steps // self.envs.size)):
                self._step(report)
                if (i + 1) % FLUSH_EVERY == 0 and not self._flush(report, flush_timeout_s):
                    break
            else:
                self._flush(report, flush_timeout_s)
        report.environment_failures = self.envs.failures - failures
        report.seconds = time.perf_counter() - started
        return report

    def close(self) -> None:
        """Close the environments and the writer."""
        self.envs.close()
        self._writer.close()

    def _step(self, report: ActorReport) -> None:
        turn = self._player.turn()
        outcome = turn.outcome
        action = turn.acting.action.numpy()
        extras = {name: values.numpy() for name, values in turn.acting.extras.items()}
        if not outcome.acted.all():
            action = _zero_where(~outcome.acted, action)
            extras = {name: _zero_where(~outcome.acted, a) for name, a in extras.items()}
        row = Step(
            observation=turn.observation,
            action=action,
            reward=outcome.reward,
            discount=outcome.discount,
            is_first=turn.is_first,
            task=self.envs.tasks,
            policy_version=np.full(self.envs.size, self.policy_version),
            extras=extras,
        )
        self._writer.append(row)
        for slot in outcome.failed:
            self._writer.drop(slot)
        report.env_steps += int(outcome.acted.sum())
        report.episodes += outcome.episodes

    def _flush(self, report: ActorReport, timeout_s: float) -> bool:
        started = time.perf_counter()
        taken = self._writer.flush(timeout_s)
        report.blocked_seconds += time.perf_counter() - started
        report.blocked = not taken
        return taken


def _zero_where(idle: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A copy of ``values`` for replay, which wants zeros on rows where nothing was done."""
    values = values.copy()
    values[idle] = 0
    return values
