"""Acting with a memory: it outlives new weights, and a killed actor's half trial goes nowhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from skill_train.actors.actor import Actor
from skill_train.actors.make_environments import make_environments
from skill_train.replay.in_memory import InMemoryReplay
from skill_train.replay.tables import Draw, trials
from skill_train.skill_agents.vate.beliefs import GaussianBeliefConfig
from skill_train.skill_agents.vate.vate import VATE, VATEConfig
from skill_train.tasks.goal_grid import FAMILY

TASKS = (0, 7, 20)
CONFIG = VATEConfig(GaussianBeliefConfig(2, 4, 5), policy_sizes=(6,), value_sizes=(6,))
TABLES = (trials("trials", 45, 100, use_once=True),)


class Bench:
    """One replay, and actors that come and go."""

    def __init__(self) -> None:
        envs = make_environments(FAMILY.all(), TASKS, seed=0)
        self.spec = replace(envs.spec, num_tasks=21, num_goals=21)
        self.agent = self.new_agent()
        schema = CONFIG.schema(self.spec, FAMILY.all().tasks)
        draws = {"trials": Draw("trials", len(TASKS))}
        self.replay = InMemoryReplay(replace(schema, tables=TABLES, draws=draws), seed=0)

    def new_agent(self) -> VATE:
        torch.manual_seed(0)
        return CONFIG.build(self.spec)

    def actor(self, seed: int = 0) -> Actor:
        envs = make_environments(FAMILY.all(), TASKS, seed)
        return Actor(envs, self.new_agent(), self.replay.writer(len(TASKS)), seed)

    def drawn(self):
        return self.replay.reader().next("trials", 0.0)


def test_new_weights_keep_the_memory():
    """Refreshed in the middle of a trial with the same weights, an actor goes on as it would."""
    results = []
    for refreshes in ([], [5, 20, 33]):
        bench = Bench()
        actor = bench.actor()
        for row in range(47):
            if row in refreshes:
                actor.set_weights(bench.agent.acting_weights(), policy_version=0)
            actor.run(len(TASKS))
        results.append(bench.drawn())
    for first, second in zip(results[0].extras.values(), results[1].extras.values(), strict=True):
        np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(results[0].action, results[1].action)


def test_the_memory_spans_the_episodes_of_a_trial_and_ends_with_it():
    bench = Bench()
    actor = bench.actor()
    memories = []
    for _ in range(48):
        actor.run(len(TASKS))
        memories.append(actor._player._state["memory"].clone())
    assert not memories[0].any()  # nothing was known at the first row
    assert all(memory.any() for memory in memories[1:46])  # rows 15 and 30 begin episodes
    assert not memories[46].any()  # the next trial's first row
    assert memories[47].any()


def test_a_killed_actors_half_trial_is_dropped_and_the_next_one_starts_afresh():
    bench = Bench()
    first = bench.actor()
    first.set_weights(bench.agent.acting_weights(), policy_version=1)
    first.run(20 * len(TASKS))
    del first  # as a process dies: nothing is closed or flushed
    second = bench.actor(seed=1)
    second.set_weights(bench.agent.acting_weights(), policy_version=2)
    second.run(46 * len(TASKS))
    assert bench.drawn() is None  # 20 rows and 46 rows do not make a trial of 46
    second.run(len(TASKS))
    rows = bench.drawn()
    assert rows.reward.shape == (46, len(TASKS))
    assert (rows.policy_version == 2).all()
    assert rows.is_first[0].all() and not rows.is_first[1:].any()
    new = rows.observation["new_episode"][..., 0]
    assert [int(t) for t in np.flatnonzero(new[:, 0])] == [0, 15, 30]
    assert bench.replay.info()["trials"].inserted == len(TASKS)
