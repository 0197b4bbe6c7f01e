"""The actor: every field of a row belongs to the same moment."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skill_train.actors.actor import Actor
from skill_train.actors.vector_env import VectorEnv
from skill_train.replay.step import RowLayout
from tests.actors.counting import EXTRAS, LENGTH, CountingAgent, CountingEnv, RecordingWriter

TROUBLE = {(1, 2): "raise"}


def build(tasks=(4, 5), trouble_at: int | None = None) -> tuple[Actor, RecordingWriter]:
    envs = VectorEnv(
        lambda t: CountingEnv(t, trouble=TROUBLE if t == trouble_at else None), tasks, seed=0
    )
    agent = CountingAgent()
    layout = RowLayout(envs.spec.step_spec(EXTRAS))
    writer = RecordingWriter(layout)
    return Actor(envs, agent, writer, seed=0), writer


def test_all_fields_of_a_row_are_of_one_moment():
    actor, writer = build()
    actor.set_weights({}, policy_version=17)
    actor.run(num_steps=2 * 3 * (LENGTH + 1))
    rows = writer.streams()
    task, episode, step = np.moveaxis(rows.observation["count"], -1, 0)
    dead = step == LENGTH
    assert dead.sum() == 6
    assert (rows.is_first == (step == 0)).all()
    assert (rows.task == [4, 5]).all() and (task == [4, 5]).all()
    assert (rows.policy_version == 17).all()
    assert (rows.reward == np.where(dead, 0, 100 * episode + step + 1)).all(), "what a_t brought"
    assert (rows.action[..., 0] == np.where(dead, 0, 10 * episode + step)).all(), "not clipped"
    seen = np.where(dead[..., None], 0, rows.observation["count"])
    assert (rows.extras["seen"] == seen).all()
    assert (rows.extras["first"] == rows.is_first).all()
    last = step == LENGTH - 1
    terminated = last & (task == 4)
    assert (rows.discount == np.where(dead | terminated, 0, 1)).all()


def test_valid_rows_are_those_before_a_row_that_is_not_first():
    actor, writer = build()
    actor.run(2 * 3 * (LENGTH + 1))
    rows = writer.streams()
    acted = rows.observation["count"][:-1, :, 2] < LENGTH
    assert (acted == ~rows.is_first[1:]).all()


def test_the_agent_hears_what_its_last_action_brought():
    actor, _ = build()
    for expected in (0.0, 1.0, 2.0, 3.0, 0.0):
        actor.run(2)
        assert actor.agent.last.reward.tolist() == [expected] * 2
    assert actor.agent.last.is_first.all()


def test_new_weights_change_the_action_and_keep_the_state():
    actor, writer = build()
    actor.run(2 * 2)
    weights = actor.agent.acting_weights() | {"offset.bias": torch.tensor([1000.0])}
    actor.set_weights(weights, policy_version=3)
    actor.run(2)
    rows = writer.streams()
    assert rows.action[:, 0, 0].tolist() == [0.0, 1.0, 1002.0]
    assert rows.action[:, 0, 1].tolist() == [1.0, 2.0, 3.0], "calls remembered in the state"
    assert rows.policy_version[:, 0].tolist() == [0, 0, 3]


def test_a_report_counts_actions_and_episodes():
    actor, _ = build()
    report = actor.run(2 * (LENGTH + 1))
    assert report.env_steps == 2 * LENGTH, "the last rows hold no action"
    assert sorted(e.task for e in report.episodes) == [4, 5]
    assert not report.blocked and report.environment_failures == 0


def test_a_failed_environments_stream_is_dropped_after_its_last_row():
    actor, writer = build(trouble_at=5)
    report = actor.run(2 * 2 * (LENGTH + 1))
    assert report.environment_failures == 1
    failed_at = LENGTH + 1 + 2  # an episode, then two steps
    assert writer.dropped == [(failed_at, 1)]
    rows = writer.streams()
    assert rows.is_first[failed_at].tolist() == [False, True]
    assert (rows.action[failed_at - 1, :, 0] == [11, 0]).all(), "a row before a first one has none"
    assert report.env_steps == 2 * LENGTH + LENGTH + 1 + 2, "the step that failed is not counted"
    assert np.isfinite(rows.reward).all()


@pytest.mark.parametrize("steps", [2, 200])
def test_it_stops_acting_where_replay_takes_nothing_more(steps):
    actor, writer = build()
    writer.takes = False
    report = actor.run(steps)
    assert report.blocked
    assert report.env_steps == 0 and writer.rows == []
    writer.takes = True
    assert actor.run(2).env_steps == 2


def test_closing_closes_environments_and_writer():
    actor, writer = build()
    actor.close()
    assert writer.closed and all(env.closed for env in actor.envs.envs)
