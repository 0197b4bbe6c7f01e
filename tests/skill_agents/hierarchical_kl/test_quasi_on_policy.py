"""A queue instead of replay: each unroll is learned from once, in order, and a full queue waits."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from skill_train.experiments.registry import EXPERIMENTS
from skill_train.replay.in_memory import InMemoryReplay
from skill_train.skill_agents.hierarchical_kl.quasi_on_policy import quasi_on_policy
from tests.skill_agents.hierarchical_kl.unrolls import DRIVEN, SVG0_CONFIG, random_unrolls, svg0

STEPS, BATCH = 4, 3
OFF_POLICY = replace(
    SVG0_CONFIG, unroll_length=STEPS, batch_size=BATCH, samples_per_insert=8.0, minimum_unrolls=7
)
CONFIG = quasi_on_policy(OFF_POLICY)


class Numbered:
    """Replay of the agent's own tables, fed rows whose reward is their number."""

    def __init__(self) -> None:
        schema = CONFIG.schema(DRIVEN, (0,))
        self.layout = schema.layout
        self.replay = InMemoryReplay(schema, seed=0)
        self.writer, self.reader = self.replay.writer(1), self.replay.reader()
        self.rows = 0

    def write(self, rows: int) -> bool:
        for _ in range(rows):
            row = self.layout.views(self.layout.zeros(1))
            self.writer.append(row._replace(reward=np.full(1, self.rows, np.float32)))
            self.rows += 1
        return self.writer.flush(0.0)

    def drawn(self) -> list[list[int]] | None:
        """The rows that the next batch learns from, by unroll."""
        batch = self.reader.next("unrolls", 0.0)
        return None if batch is None else batch.reward[1:-1].T.astype(int).tolist()


def test_only_where_unrolls_wait_differs_from_the_off_policy_agent():
    for field in fields(OFF_POLICY):
        if field.name not in ("replay_unrolls", "samples_per_insert"):
            assert getattr(CONFIG, field.name) == getattr(OFF_POLICY, field.name)
    (table,) = CONFIG.schema(DRIVEN, (0,)).tables
    (replayed,) = OFF_POLICY.schema(DRIVEN, (0,)).tables
    assert table.use_once and not replayed.use_once
    assert (table.max_items, table.samples_per_insert) == (2 * BATCH, None)
    assert (table.length, table.stride) == (replayed.length, replayed.stride)


def test_every_step_is_learned_from_once_and_in_order():
    data = Numbered()
    assert data.drawn() is None
    learned: list[int] = []
    for _ in range(5):
        data.write(STEPS * BATCH + 2 * (not learned))
        batch = data.drawn()
        assert batch is not None and len(batch) == BATCH
        learned += [row for unroll in batch for row in unroll]
        assert data.drawn() is None, "nothing is drawn twice"
    assert learned == list(range(1, 1 + 5 * BATCH * STEPS))


def test_a_full_queue_blocks_its_writer_until_a_batch_is_drawn():
    data = Numbered()
    assert data.write(2 + 2 * BATCH * STEPS)
    assert not data.write(STEPS)
    assert data.drawn() is not None
    assert data.writer.flush(0.0)


def test_the_update_is_the_same():
    rows = random_unrolls(3, DRIVEN).rows
    agents = (svg0(), CONFIG.build(DRIVEN).double())
    agents[1].load_state_dict(agents[0].state_dict())
    found = []
    for agent in agents:
        torch.manual_seed(0)
        found.append({k: float(v.detach()) for k, v in agent.losses({"unrolls": rows})[0].items()})
    assert found[0] == found[1]


@pytest.mark.parametrize("variant", ["", "-svg0", "-distral"])
def test_figure_9_trains_the_same_agents_in_two_other_ways(variant):
    name = f"hierarchical_kl/ant-go-to-target{variant}"
    usual, queued, single = (
        EXPERIMENTS[name + way].stage for way in ("", "-quasi-on-policy", "-single-actor")
    )
    assert queued.agent == quasi_on_policy(usual.agent)
    (table,) = queued.agent.schema(DRIVEN, (0,)).tables
    assert table.use_once and table.max_items == 2 * 512
    assert queued.learning.updates_per_publish == 1
    assert single.agent == usual.agent
    assert (single.actors.count, single.actors.environments) == (1, 1)
    assert usual.tasks == queued.tasks == single.tasks
