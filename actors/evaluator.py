"""Evaluation: whole episodes without exploration and without learning from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from skill_train.actors.environments import Environments
from skill_train.actors.episodes import EpisodeResult
from skill_train.actors.player import Player
from skill_train.skill_agents.agent import Agent


@dataclass(frozen=True)
class Evaluation:
    """The results of all episodes of an evaluation, in no particular order."""

    episodes: tuple[EpisodeResult, ...]

    @property
    def return_mean(self) -> float:
        """Mean undiscounted return."""
        return float(np.mean([e.return_ for e in self.episodes]))

    @property
    def success_rate(self) -> float | None:
        """Share of successful episodes; None where the task has no notion of success."""
        known = [e.success for e in self.episodes if e.success is not None]
        return float(np.mean(known)) if known else None

    @property
    def return_per_episode(self) -> tuple[float, ...]:
        """Mean return of the first, second... episode of a trial; empty without trials."""
        return tuple(np.mean([e.return_per_episode for e in self.episodes], axis=0).tolist())

    def without_first(self, uncounted: int) -> Evaluation:
        """The evaluation without the returns of the first ``uncounted`` episodes of each trial.

        Raises ValueError where a trial has no other episodes.
        """
        if uncounted == 0:
            return self
        fewest = min(len(episode.return_per_episode) for episode in self.episodes)
        if fewest <= uncounted:
            raise ValueError(
                f"evaluation.uncounted_episodes is {uncounted}, but a trial here has "
                f"{fewest or 'no inner'} episodes"
            )
        return Evaluation(
            tuple(
                e._replace(return_=float(sum(e.return_per_episode[uncounted:])))
                for e in self.episodes
            )
        )

    def per_task(self) -> dict[int, Evaluation]:
        """The evaluation of each task by its index."""
        tasks = sorted({e.task for e in self.episodes})
        return {t: Evaluation(tuple(e for e in self.episodes if e.task == t)) for t in tasks}


def evaluate(
    agent: Agent,
    make: Callable[[Sequence[int], int], Environments],
    tasks: Sequence[int],
    episodes: int,
    seed: int,
    parallel: int = 16,
) -> Evaluation:
    """Play ``episodes`` episodes, over all ``tasks`` equally: as many of each, rounded up.

    ``make(slots, seed)`` builds an environment for the task of each slot; a task has ``parallel``
    slots at most. Every slot plays a fixed number of episodes, so that short ones are not counted
    more often.
    """
    per_task = -(-episodes // len(tasks))
    slots = min(parallel, per_task)
    quota = np.full(slots, per_task // slots)
    quota[: per_task % slots] += 1
    envs = make([task for task in tasks for _ in range(slots)], seed)
    try:
        return Evaluation(tuple(_play(agent, envs, np.tile(quota, len(tasks)), seed)))
    finally:
        envs.close()


def _play(agent: Agent, envs: Environments, quota: np.ndarray, seed: int) -> list[EpisodeResult]:
    player = Player(agent, envs, seed, explore=False)
    played = np.zeros(envs.size, np.int64)
    results: list[EpisodeResult] = []
    while (played < quota).any():
        outcome = player.turn().outcome
        for slot, episode in zip(outcome.ended, outcome.episodes, strict=True):
            if played[slot] < quota[slot]:
                results.append(episode)
            played[slot] += 1
    return results
