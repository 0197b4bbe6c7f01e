"""Copied parts are the source's, frozen parts stay, the rest is learned; misfits are named."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from skill_train.learners.learner import Learner
from skill_train.skill_agents.transfer import Transfer
from tests.learners.tiny_agent import TinyAgent, rows


def trained() -> TinyAgent:
    source = TinyAgent()
    nn.init.constant_(source.actor.weight, 7.0)
    nn.init.constant_(source.critic.weight, 8.0)
    return source


def batch():
    return {"rows": rows()._replace(reward=torch.full((2, 2), 0.5))}


def test_a_part_may_have_another_name_in_the_source():
    agent = TinyAgent()
    Transfer(copy=("actor",), copy_as={"critic": "actor"}).apply(agent, trained().state_dict())
    assert (agent.actor.weight.item(), agent.critic.weight.item()) == (7.0, 7.0)
    with pytest.raises(ValueError, match="cannot copy 'critic': the source has no part"):
        Transfer(copy=(), copy_as={"critic": "actress"}).apply(agent, trained().state_dict())


def test_only_what_is_named_is_copied():
    agent = TinyAgent()
    Transfer(copy=("actor",)).apply(agent, trained().state_dict())
    assert agent.actor.weight.item() == 7.0
    assert agent.critic.weight.item() == 2.0


def test_a_frozen_part_stays_and_the_rest_learns():
    agent = TinyAgent()
    Transfer(copy=("actor", "critic"), freeze=("actor",)).apply(agent, trained().state_dict())
    learner = Learner(agent)
    learner.update(batch())
    assert agent.actor.weight.item() == 7.0
    # Adam's first step is its learning rate: 0.2 towards 3 * 7 + 0.5.
    assert agent.critic.weight.item() == pytest.approx(8.2)


def test_a_name_is_a_part_and_not_the_beginning_of_one():
    agent = TinyAgent()
    with pytest.raises(ValueError, match="cannot copy 'act': the agent has no part"):
        Transfer(copy=("act",)).apply(agent, trained().state_dict())
    with pytest.raises(ValueError, match="cannot freeze 'act': the agent has actor, critic"):
        Transfer(copy=(), freeze=("act",)).apply(agent, trained().state_dict())


def test_misfits_say_which_parameter():
    agent = TinyAgent()
    state = trained().state_dict()
    with pytest.raises(ValueError, match=r"actor.weight has shape \(3, 1\) in the source"):
        Transfer(copy=("actor",)).apply(agent, {**state, "actor.weight": torch.zeros(3, 1)})
    with pytest.raises(ValueError, match=r"only one of the two agents has actor.bias"):
        Transfer(copy=("actor",)).apply(agent, {**state, "actor.bias": torch.zeros(1)})
    with pytest.raises(ValueError, match="the source has no part of that name"):
        Transfer(copy=("actor",)).apply(agent, {})
