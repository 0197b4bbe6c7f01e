"""The progress of a run: the reports of actors, learner, replay and evaluations, summed up.

A checkpoint keeps `counters`, and `restore` continues from them; the console and
`cluster.loop.metrics` show a `snapshot`.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from skill_train.actors.actor import ActorReport
from skill_train.actors.episodes import EpisodeResult
from skill_train.actors.evaluator import Evaluation
from skill_train.experiments.spec import Limits
from skill_train.replay.backend import TableInfo

RATE_SECONDS = 10.0
"""Seconds, about, over which rates are averaged."""
SAMPLE_SECONDS = 0.5
TASK_EPISODES = "episodes/task_"
"""Prefix of the counters of single tasks in a checkpoint."""
EPISODES = 100
"""Training episodes that return and success are averaged over."""
FIRST_EPISODES = 20
"""Episodes needed for a mean. The first to end are short, which in many tasks are the successes,
so a mean of fewer would begin at 100 %."""


class _Sample(NamedTuple):
    at: float
    env_steps: int
    learner_steps: int


class Progress:
    """The counts and means of one run. ``clock`` gives seconds from any origin."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.env_steps = 0
        self.learner_steps = 0
        self.episodes = 0
        self.task_episodes: Counter[int] = Counter()
        """Training episodes of each task."""
        self.environment_failures = 0
        self.last_evaluation: Evaluation | None = None
        self._clock = clock
        self._started = clock()
        self._samples = deque([_Sample(self._started, 0, 0)])
        self._recent: deque[EpisodeResult] = deque(maxlen=EPISODES)
        self._ages: deque[tuple[float, int]] = deque()
        self._blocked: deque[tuple[float, float, float]] = deque()
        self._learner: dict[str, float] = {}
        self._tables: dict[str, TableInfo] = {}
        self._health: dict[str, float] = {}

    @property
    def elapsed_seconds(self) -> float:
        """Seconds that the run has taken, over all its resumptions."""
        return self._clock() - self._started

    def counters(self) -> dict[str, int | float]:
        """The counters that a checkpoint records."""
        return {
            "env_steps": self.env_steps,
            "learner_steps": self.learner_steps,
            "episodes": self.episodes,
            "environment_failures": self.environment_failures,
            "elapsed_seconds": self.elapsed_seconds,
            **{f"{TASK_EPISODES}{task}": n for task, n in sorted(self.task_episodes.items())},
        }

    def restore(self, counters: Mapping[str, int | float]) -> None:
        """Continue the counts and the clock from an earlier result of `counters`."""
        self.env_steps = int(counters["env_steps"])
        self.learner_steps = int(counters["learner_steps"])
        self.episodes = int(counters["episodes"])
        self.environment_failures = int(counters["environment_failures"])
        self.task_episodes = Counter(
            {
                int(name.removeprefix(TASK_EPISODES)): int(number)
                for name, number in counters.items()
                if name.startswith(TASK_EPISODES)
            }
        )
        now = self._clock()
        self._started = now - counters["elapsed_seconds"]
        self._samples = deque([_Sample(now, self.env_steps, self.learner_steps)])

    def add_actor(self, report: ActorReport, policy_version: int | None = None) -> None:
        """Add an actor's report; it acted with the weights of learner step ``policy_version``."""
        now = self._clock()
        self.env_steps += report.env_steps
        self.episodes += len(report.episodes)
        self.task_episodes.update(episode.task for episode in report.episodes)
        self.environment_failures += report.environment_failures
        self._recent.extend(report.episodes)
        if policy_version is not None:
            self._ages.append((now, max(0, self.learner_steps - policy_version)))
        self._blocked.append((now, report.blocked_seconds, report.seconds))
        self._sample(now)

    def set_learner(
        self,
        steps: int,
        metrics: Mapping[str, float] | None = None,
        wait_ratio: float | None = None,
    ) -> None:
        """Set the learner's state; ``wait_ratio`` is the share of its time spent without data."""
        self.learner_steps = steps
        self._learner.update(metrics or {})
        if wait_ratio is not None:
            self._learner["learner_wait_ratio"] = wait_ratio
        self._sample(self._clock())

    def set_replay(self, tables: Mapping[str, TableInfo]) -> None:
        """Set the state of the tables."""
        self._tables = dict(tables)

    @property
    def tables(self) -> Mapping[str, TableInfo]:
        """The newest state of the tables."""
        return self._tables

    def set_health(self, actors_alive: int, restarts: int) -> None:
        """Set the number of live actors, and of the restarts of all components."""
        self._health = {"actors_alive": actors_alive, "restarts_total": restarts}

    def add_evaluation(self, evaluation: Evaluation) -> None:
        """Replace the newest evaluation."""
        self.last_evaluation = evaluation

    @property
    def score(self) -> float | None:
        """The score of a checkpoint: the mean return of the newest evaluation."""
        return None if self.last_evaluation is None else self.last_evaluation.return_mean

    def limit_reached(self) -> str | None:
        """The limit that the run has reached, in words; None while it has reached none."""
        limits, evaluation = self.limits, self.last_evaluation
        if limits.env_steps is not None and self.env_steps >= limits.env_steps:
            return f"{limits.env_steps:,} environment steps"
        if limits.learner_steps is not None and self.learner_steps >= limits.learner_steps:
            return f"{limits.learner_steps:,} learner steps"
        if limits.minutes is not None and self.elapsed_seconds >= limits.minutes * 60:
            return f"{limits.minutes:g} minutes"
        success = None if evaluation is None else evaluation.success_rate
        if limits.success_rate is not None and (success or 0.0) >= limits.success_rate:
            return f"a success rate of {limits.success_rate:.0%}"
        return None

    def snapshot(self) -> dict[str, float]:
        """All metrics by name; the names carry their units."""
        now = self._clock()
        self._sample(now)
        env_rate, learner_rate = self._rates(now)
        values: dict[str, float] = {
            "elapsed_seconds": now - self._started,
            "env_steps_per_second": env_rate,
            "learner_updates_per_second": learner_rate,
            "episodes_total": self.episodes,
            "environment_failures_total": self.environment_failures,
            **self._tasks(),
            **self._health,
            **self._limits(env_rate, learner_rate),
            **self._replay(),
            **self._training(now),
            **self._learner,
        }
        if self.last_evaluation is not None:
            values |= _evaluation(self.last_evaluation)
        return values

    def _sample(self, now: float) -> None:
        if now - self._samples[-1].at >= SAMPLE_SECONDS:
            self._samples.append(_Sample(now, self.env_steps, self.learner_steps))
        while len(self._samples) > 1 and self._samples[1].at <= now - RATE_SECONDS:
            self._samples.popleft()
        for recent in (self._ages, self._blocked):
            while recent and recent[0][0] < now - RATE_SECONDS:
                recent.popleft()

    def _rates(self, now: float) -> tuple[float, float]:
        first = self._samples[0]
        seconds = now - first.at
        if seconds <= 0:
            return 0.0, 0.0
        return (
            (self.env_steps - first.env_steps) / seconds,
            max(0, self.learner_steps - first.learner_steps) / seconds,
        )

    def _tasks(self) -> dict[str, float]:
        if len(self.task_episodes) < 2:
            return {}
        return {f"episodes_total/task_{task}": n for task, n in sorted(self.task_episodes.items())}

    def _limits(self, env_rate: float, learner_rate: float) -> dict[str, float]:
        """The time left until the first limit, and the share of that limit that is done."""
        limits = self.limits
        minutes = None if limits.minutes is None else limits.minutes * 60
        left, done = math.inf, 0.0
        for limit, reached, rate in (
            (limits.env_steps, self.env_steps, env_rate),
            (limits.learner_steps, self.learner_steps, learner_rate),
            (minutes, self.elapsed_seconds, 1.0),
        ):
            if limit is not None:
                done = max(done, min(1.0, reached / limit) if limit else 1.0)
                if rate > 0:
                    left = min(left, max(0.0, (limit - reached) / rate))
        known = {"time_left_seconds": left} if math.isfinite(left) else {}
        return {"done_ratio": done, **known}

    def _replay(self) -> dict[str, float]:
        tables = self._tables
        if not tables:
            return {}
        values: dict[str, float] = {"replay_items": sum(t.size for t in tables.values())}
        inserted = sum(t.inserted for t in tables.values())
        if inserted:
            sampled = sum(t.sampled for t in tables.values())
            values["samples_per_insert_ratio"] = sampled / inserted
        if len(tables) > 1:
            values |= {f"replay_items/{name}": t.size for name, t in tables.items()}
        return values

    def _training(self, now: float) -> dict[str, float]:
        values: dict[str, float] = {}
        if self._ages:
            values["weight_age_learner_steps"] = max(age for _, age in self._ages)
        busy = sum(seconds for _, _, seconds in self._blocked)
        if busy > 0:
            blocked = sum(seconds for _, seconds, _ in self._blocked)
            values["actor_blocked_ratio"] = blocked / busy
        if len(self._recent) >= FIRST_EPISODES:
            recent = Evaluation(tuple(self._recent))
            values["return_mean"] = recent.return_mean
            values["episode_length_mean_steps"] = sum(e.length for e in recent.episodes) / len(
                recent.episodes
            )
            if recent.success_rate is not None:
                values["success_ratio"] = recent.success_rate
        return values


def _evaluation(evaluation: Evaluation) -> dict[str, float]:
    values = {"evaluation_return_mean": evaluation.return_mean}
    if evaluation.success_rate is not None:
        values["evaluation_success_ratio"] = evaluation.success_rate
    for number, value in enumerate(evaluation.return_per_episode):
        values[f"evaluation_return_mean/episode_{number + 1}"] = value
    tasks = evaluation.per_task()
    if len(tasks) > 1:
        for task, one in tasks.items():
            values[f"evaluation_return_mean/task_{task}"] = one.return_mean
            if one.success_rate is not None:
                values[f"evaluation_success_ratio/task_{task}"] = one.success_rate
    return values
