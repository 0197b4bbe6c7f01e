"""Counts, rates, means and the time left, on a clock that the test turns."""

from __future__ import annotations

import pytest

from skill_train.actors.actor import ActorReport
from skill_train.actors.episodes import EpisodeResult
from skill_train.actors.evaluator import Evaluation
from skill_train.cluster.loop.progress import FIRST_EPISODES, Progress
from skill_train.experiments.spec import Limits
from skill_train.replay.backend import TableInfo


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def episode(return_: float, success: bool | None = None, task: int = 0) -> EpisodeResult:
    return EpisodeResult(task, return_, 10, success)


def test_rates_are_of_the_last_seconds(clock):
    progress = Progress(Limits(env_steps=100_000), clock)
    for second in range(60):
        clock.now += 1
        progress.add_actor(ActorReport(env_steps=100 if second < 40 else 50))
        progress.set_learner(progress.learner_steps + 7)
    values = progress.snapshot()
    assert values["env_steps_per_second"] == pytest.approx(50, rel=0.1)
    assert values["learner_updates_per_second"] == pytest.approx(7, rel=0.2)
    assert values["done_ratio"] == pytest.approx(0.05)
    assert values["time_left_seconds"] == pytest.approx(95_000 / 50, rel=0.1)
    clock.now += 30
    assert progress.snapshot()["env_steps_per_second"] == 0


def test_return_and_success_of_the_last_hundred_episodes(clock):
    progress = Progress(Limits(env_steps=1), clock)
    progress.add_actor(ActorReport(episodes=[episode(-5.0, False)] * 100))
    progress.add_actor(ActorReport(episodes=[episode(1.0, True)] * 75))
    values = progress.snapshot()
    assert values["return_mean"] == pytest.approx(0.75 * 1 - 0.25 * 5)
    assert values["success_ratio"] == 0.75
    assert values["episodes_total"] == 175


def test_unknown_success_is_left_out(clock):
    progress = Progress(Limits(env_steps=1), clock)
    progress.add_actor(ActorReport(episodes=[episode(1.0)]))
    progress.add_evaluation(Evaluation((episode(1.0),)))
    assert not [name for name in progress.snapshot() if "success" in name]


def test_replay_weights_health_and_learner(clock):
    progress = Progress(Limits(env_steps=1), clock)
    progress.set_replay({"a": TableInfo(5, 9, 10, 30), "b": TableInfo(1, 9, 10, 10)})
    progress.set_learner(50, {"loss/critic": 0.5}, wait_ratio=0.02)
    progress.add_actor(ActorReport(seconds=2.0, blocked_seconds=0.5), policy_version=40)
    progress.add_actor(ActorReport(), policy_version=45)
    progress.set_health(3, 1)
    values = progress.snapshot()
    assert values["replay_items"] == 6
    assert values["replay_items/a"] == 5
    assert values["samples_per_insert_ratio"] == 2.0
    assert values["weight_age_learner_steps"] == 10
    assert values["actor_blocked_ratio"] == 0.25
    assert values["loss/critic"] == 0.5
    assert values["learner_wait_ratio"] == 0.02
    assert (values["actors_alive"], values["restarts_total"]) == (3, 1)


def test_evaluation_per_task_and_score(clock):
    progress = Progress(Limits(env_steps=1), clock)
    assert progress.score is None
    progress.add_evaluation(Evaluation((episode(1.0, True, 0), episode(0.0, False, 2))))
    values = progress.snapshot()
    assert progress.score == values["evaluation_return_mean"] == 0.5
    assert values["evaluation_success_ratio/task_2"] == 0.0


def test_counters_go_on_after_a_restore(clock):
    progress = Progress(Limits(minutes=2), clock)
    clock.now += 60
    progress.add_actor(ActorReport(env_steps=500, episodes=[episode(1.0)], environment_failures=2))
    progress.set_learner(40)
    counters = progress.counters()
    clock.now = 5.0
    resumed = Progress(Limits(minutes=2), clock)
    resumed.restore(counters)
    assert resumed.counters() == counters
    values = resumed.snapshot()
    assert values["env_steps_per_second"] == 0
    assert values["time_left_seconds"] == pytest.approx(60)
    clock.now += 61
    assert resumed.limit_reached() == "2 minutes"


def test_episodes_are_counted_for_each_task_and_go_on_after_a_restore(clock):
    progress = Progress(Limits(env_steps=1), clock)
    progress.add_actor(ActorReport(episodes=[episode(1.0, task=3)] * 2))
    assert "episodes_total/task_3" not in progress.snapshot(), "there is only one task"
    progress.add_actor(ActorReport(episodes=[episode(1.0, task=11)]))
    resumed = Progress(Limits(env_steps=1), clock)
    resumed.restore(progress.counters())
    resumed.add_actor(ActorReport(episodes=[episode(1.0, task=3)]))
    values = resumed.snapshot()
    assert values["episodes_total/task_3"] == 3
    assert values["episodes_total/task_11"] == 1
    assert values["episodes_total"] == 4


def test_whichever_limit_comes_first(clock):
    progress = Progress(
        Limits(env_steps=1000, learner_steps=10, minutes=10, success_rate=0.9), clock
    )
    assert progress.limit_reached() is None
    clock.now += 5
    progress.add_actor(ActorReport(env_steps=500))
    progress.set_learner(1)
    values = progress.snapshot()
    assert values["time_left_seconds"] == pytest.approx(5)
    assert values["done_ratio"] == 0.5
    progress.add_evaluation(Evaluation((episode(1.0, True),)))
    assert progress.limit_reached() == "a success rate of 90%"
    progress.set_learner(10)
    assert progress.limit_reached() == "10 learner steps"
    progress.add_actor(ActorReport(env_steps=500))
    assert progress.limit_reached() == "1,000 environment steps"


def test_the_first_few_episodes_are_not_a_mean(clock):
    """They are the shortest, so their mean would start far too high."""
    progress = Progress(Limits(env_steps=1), clock)
    progress.add_actor(ActorReport(episodes=[episode(60.0, True)] * (FIRST_EPISODES - 1)))
    assert "return_mean" not in progress.snapshot()
    progress.add_actor(ActorReport(episodes=[episode(0.0, False)]))
    assert progress.snapshot()["return_mean"] == pytest.approx(60 * (1 - 1 / FIRST_EPISODES))
