"""The actor: act, step, write, refresh."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from skill_train.actors.environments import Environments, Outcome
from skill_train.actors.episodes import EpisodeResult
from skill_train.actors.player import Player
from skill_train.actors.rounds import Share
from skill_train.replay.backend import Writer
from skill_train.replay.step import Step
from skill_train.skill_agents.agent import Agent

FLUSH_EVERY = 8
"""Steps of all environments between two checks that replay still takes the rows."""


@dataclass
class ActorReport:
    """The results of one call of `Actor.run` or `Actor.collect`."""

    env_steps: int = 0
    """Actions taken, over all environments."""
    episodes: list[EpisodeResult] = field(default_factory=list)
    policy_version: int = 0
    """Learner step of the weights that acted."""
    environment_failures: int = 0
    blocked: bool = False
    """Whether replay took no more rows in time: the learner is behind, or the server is away."""
    done: bool = False
    """Whether replay has all of the actor's share of a round."""
    blocked_seconds: float = 0.0
    seconds: float = 0.0


class Actor:
    """A batched policy that steps B environments and writes every row to replay.

    The policy runs on the CPU; keep torch to one thread in an actor's process.
    """

    def __init__(self, envs: Environments, agent: Agent, writer: Writer, seed: int) -> None:
        self.envs = envs
        self.agent = agent.eval()
        self.policy_version = 0
        self._writer = writer
        self._player = Player(self.agent, envs, seed, explore=True)
        self._share = Share()
        self._left_over = np.zeros(envs.size, bool)
        """Mask of slots in a trial that was begun for an abandoned share, bool ``[B]``."""
        self._last_row: Step | None = None

    def set_weights(self, weights: Mapping[str, Tensor], policy_version: int) -> None:
        """Replace the weights that act; recurrent state is kept."""
        self.agent.load_acting_weights(weights)
        self.policy_version = policy_version

    def run(self, num_steps: int, flush_timeout_s: float = 1.0) -> ActorReport:
        """Take about ``num_steps`` actions (a multiple of B), or fewer where replay blocks."""
        return self._turns(self._act, num_steps, flush_timeout_s)

    def begin(self, share: Share) -> None:
        """Start a share of a round with the present weights; `collect` carries it out.

        A trial that was begun for an abandoned share, whose round is broken, is played to its end.
        It counts for neither share: older weights began it, so no learner takes it.
        """
        self._share = share
        self._left_over = ~self._player.is_first
        if share.trials is not None:
            self._player.hold(share.trials == 0)

    def collect(self, num_steps: int, flush_timeout_s: float = 1.0) -> ActorReport:
        """Continue the share of a round by about ``num_steps`` actions at most."""
        turn = self._fill_windows if self._share.trials is None else self._play_trials
        return self._turns(turn, num_steps, flush_timeout_s)

    def close(self) -> None:
        """Close the environments and the writer."""
        self.envs.close()
        self._writer.close()

    def _turns(
        self, turn: Callable[[ActorReport], bool], num_steps: int, flush_timeout_s: float
    ) -> ActorReport:
        """Take turns while there are any left and replay takes their rows."""
        report = ActorReport(policy_version=self.policy_version)
        started = time.perf_counter()
        failures = self.envs.failures
        over = False
        if self._flush(report, flush_timeout_s):
            for i in range(max(1, num_steps // self.envs.size)):
                over = turn(report)
                look = (i + 1) % FLUSH_EVERY == 0
                if over or (look and not self._flush(report, flush_timeout_s)):
                    break
            if not report.blocked:
                self._flush(report, flush_timeout_s)
        report.done = over and not report.blocked
        report.environment_failures = self.envs.failures - failures
        report.seconds = time.perf_counter() - started
        return report

    def _act(self, report: ActorReport) -> bool:
        self._step(report)
        return False

    def _fill_windows(self, report: ActorReport) -> bool:
        """Step, unless that would begin a window of the next round."""
        share = self._share
        if share.windows and self._writer.bootstrap_due:
            share.windows -= self._writer.bootstrap(self._bootstrap_row(), share.windows)
        if share.windows:
            self._step(report)
        return not share.windows

    def _play_trials(self, report: ActorReport) -> bool:
        """Step, while slots that have played all their trials wait for the others."""
        trials = self._share.trials
        assert trials is not None
        everybody_waits = not trials.any() and bool(self._player.is_first.all())
        outcome = self._step(report)
        if outcome.ended:
            ended = np.array(outcome.ended)
            trials[ended] -= ~self._left_over[ended]
            self._player.hold(trials == 0)
        self._left_over &= ~self._player.is_first
        # A trial goes to replay with the first row after it, so that row is written too.
        return everybody_waits

    def _bootstrap_row(self) -> Step:
        """The present observation as the last row of a window, without an action."""
        assert self._last_row is not None
        last = self._last_row
        return last._replace(
            observation=self._player.observation,
            is_first=self._player.is_first,
            policy_version=np.full(self.envs.size, self.policy_version),
            action=np.zeros_like(last.action),
            reward=np.zeros_like(last.reward),
            discount=np.zeros_like(last.discount),
            extras={name: np.zeros_like(values) for name, values in last.extras.items()},
        )

    def _step(self, report: ActorReport) -> Outcome:
        turn = self._player.turn()
        outcome = turn.outcome
        acted = outcome.acted
        action = turn.acting.action.numpy()
        extras = {name: values.numpy() for name, values in turn.acting.extras.items()}
        if not acted.all():
            # The environments have put zeros into reward and discount.
            action = _zero_where(~acted, action)
            extras = {name: _zero_where(~acted, values) for name, values in extras.items()}
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
        self._last_row = row
        report.env_steps += int(acted.sum())
        report.episodes += outcome.episodes
        return outcome

    def _flush(self, report: ActorReport, timeout_s: float) -> bool:
        started = time.perf_counter()
        taken = self._writer.flush(timeout_s)
        report.blocked_seconds += time.perf_counter() - started
        report.blocked = not taken
        return taken


def _zero_where(idle: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A copy of ``values`` with zeros where ``idle``, as replay keeps rows without an action."""
    values = values.copy()
    values[idle] = 0
    return values
