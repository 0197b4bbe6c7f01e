"""The learner, with an agent small enough to work its updates out."""

from __future__ import annotations

import pytest
import torch

from skill_train.learners.learner import Learner, NonFiniteLossError
from skill_train.learners.optimizers import GroupOptimizers
from skill_train.skill_agents.agent import ParameterGroup
from tests.learners.tiny_agent import TinyAgent, batch

KINDS = ("loss", "gradient_norm")


def weights(agent: TinyAgent) -> tuple[float, float]:
    return float(agent.actor.weight.detach()), float(agent.critic.weight.detach())


def test_every_loss_trains_its_own_group_and_all_at_the_same_parameters():
    """Against one plain Adam for each number, with gradients worked out by hand."""
    agent = TinyAgent()
    a = torch.tensor([1.0])
    c = torch.tensor([2.0])
    plain = [torch.optim.Adam([a], lr=0.1), torch.optim.Adam([c], lr=0.2)]
    learner = Learner(agent)
    torch.manual_seed(0)
    for _ in range(5):
        learner.update(batch(0.5))
    torch.manual_seed(0)
    for _ in range(5):
        noise = 0.1 * torch.randn(())
        a.grad, c.grad = 2 * (a - c + noise), 2 * (c - 3 * a - 0.5)
        for adam in plain:
            adam.step()
    assert weights(agent) == pytest.approx((float(a), float(c)), rel=1e-5)


def test_groups_of_one_loss_learn_as_if_each_had_its_own():
    together, apart = [[torch.nn.Parameter(torch.tensor([x])) for x in (1.0, 2.0)] for _ in "ab"]
    for (a, b), twice in ((together, False), (apart, True)):
        groups = {"a": ParameterGroup([a], 0.1), "b": ParameterGroup([b], 0.3)}
        optimizers = GroupOptimizers(groups)
        for _ in range(3):
            loss = (a * b).square().sum()
            optimizers.step({"a": loss, "b": (a * b).square().sum() if twice else loss})
    assert [p.item() for p in together] == [p.item() for p in apart]
    assert together[0].item() != 1.0 and together[1].item() != 2.0


def test_every_minibatch_is_one_step_and_after_step_counts_from_one():
    agent = TinyAgent(epochs=3)
    learner = Learner(agent)
    learner.update(batch())
    learner.update(batch())
    assert agent.steps_seen == [1, 2, 3, 4, 5, 6]
    assert learner.steps == 6


def test_gradients_are_clipped_where_the_group_asks():
    agent = TinyAgent(max_grad_norm=0.01)
    Learner(agent).update(batch())
    assert float(agent.actor.weight.grad.norm()) == pytest.approx(0.01, rel=1e-3)
    assert float(agent.critic.weight.grad.norm()) > 1.0


def test_metrics_are_means_since_they_were_last_asked_for():
    learner = Learner(TinyAgent())
    assert learner.metrics() == {}
    learner.update(batch(1.0))
    learner.update(batch(2.0))
    means = learner.metrics()
    numbers = {"reward"} | {f"{kind}/{g}" for kind in KINDS for g in ("actor", "critic")}
    assert means.keys() == numbers
    assert means["reward"] == 1.5
    assert learner.metrics() == {}
    learner.update(batch(7.0))
    assert learner.metrics()["reward"] == 7.0


@pytest.mark.parametrize("max_grad_norm", [None, 0.01])
def test_the_gradients_norm_is_a_metric_of_every_group_before_clipping(max_grad_norm):
    """Of (a - c + noise)^2 at a = 1, c = 2, and of (c - 3 a - 4)^2."""
    learner = Learner(TinyAgent(max_grad_norm))
    torch.manual_seed(0)
    learner.update(batch(4.0))
    means = learner.metrics()
    torch.manual_seed(0)
    actor = abs(2 * (1.0 - 2.0 + 0.1 * torch.randn(()).item()))
    assert means["gradient_norm/actor"] == pytest.approx(actor, rel=1e-5)
    assert means["gradient_norm/critic"] == pytest.approx(2 * (3.0 + 4.0 - 2.0), rel=1e-5)


def test_the_norm_is_over_all_parameters_of_the_group_that_the_loss_reaches():
    a, b, c = (torch.nn.Parameter(torch.zeros(2)) for _ in range(3))
    optimizers = GroupOptimizers({"one": ParameterGroup([a, b, c], 0.1)})
    norms = optimizers.step({"one": (3.0 * a[0] + 4.0 * b[1]).sum()})
    assert {name: float(norm) for name, norm in norms.items()} == {"one": 5.0}


class Breaks(TinyAgent):
    """A finite loss without a gradient: that of a root at 0 is infinite, times 0."""

    def losses(self, batch):
        losses, metrics = super().losses(batch)
        return losses | {self.group: (0.0 * getattr(self, self.group).weight).sum().sqrt()}, metrics


@pytest.mark.parametrize("max_grad_norm", [None, 0.01])
@pytest.mark.parametrize("group", ["actor", "critic"])
def test_a_gradient_that_is_not_finite_stops_the_run_where_the_loss_is_finite(group, max_grad_norm):
    agent = Breaks(max_grad_norm)
    agent.group = group
    learner = Learner(agent)
    learner.update(batch())
    message = rf"gradient_norm/{group} is nan at learner step 1: "
    with pytest.raises(NonFiniteLossError, match=message):
        learner.metrics()


def test_broken_weights_do_not_leave_the_learner_whether_metrics_were_asked_for_or_not():
    agent = Breaks()
    agent.group = "actor"
    learner = Learner(agent)
    assert learner.acting_weights() and learner.state_dict()
    learner.update(batch())
    for leave in (learner.acting_weights, learner.state_dict):
        with pytest.raises(NonFiniteLossError, match=r"actor\.weight is nan at learner step 1: "):
            leave()


def test_a_checkpoint_needs_the_parts_that_do_not_act_to_be_finite_as_well():
    learner = Learner(TinyAgent())
    with torch.no_grad():
        learner.agent.critic.weight.fill_(float("-inf"))
    assert learner.acting_weights().keys() == {"actor.weight"}
    with pytest.raises(NonFiniteLossError, match=r"critic\.weight is -inf at learner step 0: "):
        learner.state_dict()


@pytest.mark.parametrize("reward", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_the_run_with_its_name_and_step(reward):
    learner = Learner(TinyAgent())
    learner.update(batch())
    learner.update(batch(reward))
    with pytest.raises(NonFiniteLossError, match=r"loss/critic is \w+ at learner step 2: "):
        learner.metrics()


def test_two_groups_may_not_share_a_parameter():
    shared = torch.nn.Parameter(torch.zeros(1))
    groups = {"one": ParameterGroup([shared], 0.1), "two": ParameterGroup([shared], 0.1)}
    with pytest.raises(ValueError, match="groups 'one' and 'two' share a parameter"):
        GroupOptimizers(groups)


def test_losses_and_groups_must_match():
    optimizers = GroupOptimizers(TinyAgent().parameter_groups())
    with pytest.raises(ValueError, match=r"losses for \['actor'\] but has parameter groups"):
        optimizers.step({"actor": torch.zeros((), requires_grad=True)})


def test_a_parameter_that_a_loss_does_not_reach_stays():
    used, unused = (torch.nn.Parameter(torch.ones(1)) for _ in range(2))
    optimizers = GroupOptimizers({"one": ParameterGroup([used, unused], 0.1)})
    optimizers.step({"one": used.sum()})
    assert float(used.detach()) == pytest.approx(0.9)
    assert float(unused.detach()) == 1.0


def test_a_restored_learner_makes_the_same_updates(tmp_path):
    """Adam's moments, the step count and the random state go with the parameters."""
    torch.manual_seed(0)
    learner, restored = Learner(TinyAgent()), Learner(TinyAgent())
    for _ in range(3):
        learner.update(batch())
    torch.save(learner.state_dict(), tmp_path / "learner.pt")
    for _ in range(3):
        learner.update(batch())
    expected = weights(learner.agent)
    torch.manual_seed(99)
    restored.load_state_dict(torch.load(tmp_path / "learner.pt", weights_only=True))
    for _ in range(3):
        restored.update(batch())
    assert weights(restored.agent) == expected
    assert restored.agent.steps_seen == [4, 5, 6]


def test_acting_weights_are_a_copy_of_the_acting_parts():
    learner = Learner(TinyAgent())
    published = learner.acting_weights()
    learner.update(batch())
    assert {name: float(w) for name, w in published.items()} == {"actor.weight": 1.0}
