"""The clipped surrogate by its cases, and against REINFORCE."""

from __future__ import annotations

import pytest
import torch

from skill_train.skill_agents.ops.clipped_surrogate import clipped_surrogate


@pytest.mark.parametrize(
    ("ratio", "advantage", "value", "slope"),
    [
        (1.1, 2.0, 2.2, 2.0),
        (1.5, 2.0, 2.4, 0.0),  # already likelier than it may become
        (0.5, 2.0, 1.0, 2.0),  # less likely, though better: nothing holds it back
        (0.9, -3.0, -2.7, -3.0),
        (0.5, -3.0, -2.4, 0.0),
        (1.5, -3.0, -4.5, -3.0),
    ],
)
def test_only_what_has_gone_far_enough_in_its_own_direction_is_let_go(
    ratio, advantage, value, slope
):
    log_prob = torch.tensor([ratio]).double().log().requires_grad_()
    behaviour = torch.zeros(1).double()
    found = clipped_surrogate(log_prob, behaviour, torch.tensor([advantage]).double(), 0.2)
    found.sum().backward()
    assert found.item() == pytest.approx(value)
    # d ratio / d log pi = ratio
    assert log_prob.grad.item() == pytest.approx(slope * ratio)


def test_on_policy_its_gradient_is_that_of_reinforce():
    torch.manual_seed(0)
    log_prob = torch.randn(50).requires_grad_()
    advantage = torch.randn(50)
    (ours,) = torch.autograd.grad(
        clipped_surrogate(log_prob, log_prob, advantage, 0.2).sum(), [log_prob]
    )
    (theirs,) = torch.autograd.grad((advantage * log_prob).sum(), [log_prob])
    torch.testing.assert_close(ours, theirs)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="shape"):
        clipped_surrogate(torch.zeros(2), torch.zeros(3), torch.zeros(2), 0.2)
