"""Defaults are the authors' where the paper gives none; tables give the learner every step once."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from skill_train.replay.in_memory import InMemoryReplay
from skill_train.replay.step import Step
from skill_train.skill_agents.hierarchical_kl.action_head import ActionHead
from skill_train.skill_agents.hierarchical_kl.policies import (
    FlatPolicyConfig,
    HierarchicalPolicyConfig,
)
from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0Config
from tests.skill_agents.hierarchical_kl.unrolls import DRIVEN, svg0, vtrace_agent

# What the paper leaves out: its authors' public learner.
AUTHORS_CODE = {
    "gamma": 0.99,
    "trace": 1.0,
    "action_samples": 10,
    "noise_correlation": 0.0,
    "action_noise_correlation": 0.0,
}


@pytest.mark.parametrize(("name", "value"), AUTHORS_CODE.items())
def test_what_the_paper_leaves_out_is_as_in_the_authors_code(name, value):
    assert getattr(SVG0Config(), name) == value


@pytest.mark.parametrize("config", [HierarchicalPolicyConfig(), FlatPolicyConfig()])
def test_the_means_of_actions_are_limited_only_where_asked(config):
    def largest_mean(config):
        torch.manual_seed(0)
        policy = config.build(DRIVEN)
        policy.low.head.linear.bias.data[: DRIVEN.action.size] = 50.0
        observation = {"proprioception": torch.zeros(3, 2, 3), "task": torch.zeros(3, 2, 2)}
        noise = torch.zeros(3, 2, policy.latent_size)
        return policy(observation, noise, None).low.mean.max()

    assert (config.action_head.initial_std, config.action_head.minimum_std) == (0.7, 0.1)
    assert largest_mean(config) == 1.0
    limited = largest_mean(replace(config, action_head=ActionHead(mean_limit=2.0)))
    torch.testing.assert_close(limited, torch.tensor(2.0).tanh(), atol=1e-2, rtol=0)


@pytest.mark.parametrize("period", [1, 3])
@pytest.mark.parametrize("make", [svg0, vtrace_agent])
def test_neighbouring_unrolls_learn_from_neighbouring_steps(make, period):
    """After the context of the first one, every row is learned from in exactly one unroll."""
    agent = make(latent_period=period, unroll_length=4, batch_size=1)
    (table,) = agent.config.schema(DRIVEN, (0,)).tables
    assert (table.length, table.stride) == (4 + period, 4)
    starts = range(0, 40, table.stride)
    learned = [t for s in starts for t in range(s + period, s + table.length)]
    assert learned == list(range(period, period + 40))


def test_losses_take_the_rows_that_tables_give():
    agent = svg0(unroll_length=4, batch_size=2, minimum_unrolls=1, latent_period=2).float()
    schema = agent.config.schema(DRIVEN, (0,))
    replay = InMemoryReplay(schema, seed=0)
    writer, reader = replay.writer(2), replay.reader()
    row = schema.layout.views(schema.layout.zeros(2))
    for _ in range(20):
        writer.append(row)
    rows = reader.next("unrolls", 0.0)
    batch = Step(*(_tensors(leaf) for leaf in rows))
    result, _ = agent.losses({"unrolls": batch})
    assert all(loss.isfinite() for loss in result.values())


def _tensors(leaf):
    if isinstance(leaf, dict):
        return {k: torch.from_numpy(v) for k, v in leaf.items()}
    return torch.from_numpy(leaf)
