"""Discounted sums, lambda-returns and generalised advantages."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skill_train.skill_agents.ops.gae import generalised_advantages
from skill_train.skill_agents.ops.returns import discounted_returns, lambda_returns
from tests.skill_agents.ops.trajectories import Trajectory, column, on_policy, random_trajectory


def slow_n_step(t: Trajectory, start: int, steps: int) -> np.ndarray:
    """r_start + ... + the value ``steps`` later, [B]; one number of the mixture."""
    total = np.zeros(t.v_t.shape[1])
    weight = np.ones(t.v_t.shape[1])
    for k in range(start, start + steps):
        total = total + weight * t.reward_t[k].numpy()
        weight = weight * t.discount_t[k].numpy()
    return total + weight * t.v_tp1[start + steps - 1].numpy()


def slow_lambda_returns(t: Trajectory, lambda_: float) -> np.ndarray:
    """(1 - lambda) sum_n lambda^{n-1} (n-step return), and all remaining weight on the longest."""
    length = len(t.v_t)
    rows = []
    for start in range(length):
        longest = length - start
        total = lambda_ ** (longest - 1) * slow_n_step(t, start, longest)
        for n in range(1, longest):
            total = total + (1 - lambda_) * lambda_ ** (n - 1) * slow_n_step(t, start, n)
        rows.append(total)
    return np.stack(rows)


def test_discounted_returns_worked_numbers():
    # G_2 = 3 + 0.5*8 = 7;   G_1 = 2 + 0*7 = 2 (terminated);   G_0 = 1 + 0.5*2 = 2
    bootstrap = torch.tensor([8.0], dtype=torch.float64)
    returns = discounted_returns(column(1.0, 2.0, 3.0), column(0.5, 0.0, 0.5), bootstrap)
    torch.testing.assert_close(returns, column(2.0, 2.0, 7.0))


def test_lambda_returns_worked_numbers():
    # G_2 = 3 + 0.5*8 = 7
    # G_1 = 2 + 0.5 (0.25*4 + 0.75*7)    = 2 + 0.5*6.25    = 5.125
    # G_0 = 1 + 0.5 (0.25*6 + 0.75*5.125) = 1 + 0.5*5.34375 = 3.671875
    half = column(0.5, 0.5, 0.5)
    returns = lambda_returns(column(1.0, 2.0, 3.0), half, column(6.0, 4.0, 8.0), 0.75)
    torch.testing.assert_close(returns, column(3.671875, 5.125, 7.0))


@pytest.mark.parametrize("lambda_", [0.0, 0.3, 0.95, 1.0])
def test_lambda_returns_equal_the_mixture(lambda_):
    t = on_policy(random_trajectory(0))
    returns = lambda_returns(t.reward_t, t.discount_t, t.v_tp1, lambda_)
    torch.testing.assert_close(returns, torch.from_numpy(slow_lambda_returns(t, lambda_)))


def test_lambda_one_is_the_discounted_return():
    t = random_trajectory(1)
    torch.testing.assert_close(
        lambda_returns(t.reward_t, t.discount_t, t.v_tp1, 1.0),
        discounted_returns(t.reward_t, t.discount_t, t.v_tp1[-1]),
    )


def test_lambda_zero_is_one_step():
    t = random_trajectory(2)
    torch.testing.assert_close(
        lambda_returns(t.reward_t, t.discount_t, t.v_tp1, 0.0),
        t.reward_t + t.discount_t * t.v_tp1,
    )


def test_a_horizon_of_h_uses_h_rewards_and_h_values():
    """An off-by-one would drop the last reward, or the value after it."""
    horizon = 15
    ones = torch.ones(horizon, 1, dtype=torch.float64)
    values = torch.zeros_like(ones)
    values[-1] = 100.0
    returns = lambda_returns(ones, ones, values, 1.0)
    assert returns[0].item() == horizon + 100.0
    assert returns[-1].item() == 101.0


def test_lambda_as_a_tensor_cuts_at_a_time_limit():
    first, second = random_trajectory(3, length=4), random_trajectory(4, length=4)
    first.discount_t[-1] = 0.97
    joined = Trajectory(*(torch.cat(pair) for pair in zip(first, second, strict=True)))
    lambda_t = torch.full_like(joined.v_t, 0.9)
    lambda_t[3] = 0.0
    together = lambda_returns(joined.reward_t, joined.discount_t, joined.v_tp1, lambda_t)
    for rows, part in ((slice(0, 4), first), (slice(4, 8), second)):
        alone = lambda_returns(part.reward_t, part.discount_t, part.v_tp1, 0.9)
        torch.testing.assert_close(together[rows], alone)


def test_generalised_advantages_equal_the_double_loop():
    t = on_policy(random_trajectory(5))
    v, v_tp1, r, g = (x.numpy() for x in t[:4])
    delta = r + g * v_tp1 - v
    expected = np.zeros_like(delta)
    for start in range(len(delta)):
        weight = np.ones(delta.shape[1])
        for k in range(start, len(delta)):
            expected[start] += weight * delta[k]
            weight = weight * g[k] * 0.95
    advantage = generalised_advantages(t.v_t, t.v_tp1, t.reward_t, t.discount_t, 0.95)
    torch.testing.assert_close(advantage, torch.from_numpy(expected))


def test_gradients():
    t = random_trajectory(6, length=4, batch=2)
    rows = [x.requires_grad_() for x in (t.reward_t, t.discount_t, t.v_tp1)]
    assert torch.autograd.gradcheck(lambda *x: lambda_returns(*x, 0.95), rows)
    rows[2] = t.v_tp1[-1].detach().requires_grad_()
    assert torch.autograd.gradcheck(discounted_returns, rows)


def test_wrong_arguments_are_named():
    t = random_trajectory(7, length=4, batch=2)
    with pytest.raises(ValueError, match=r"bootstrap has shape \(4, 2\).*\(2,\)"):
        discounted_returns(t.reward_t, t.discount_t, t.v_tp1)
    with pytest.raises(ValueError, match=r"v_tp1 has shape \(2,\)"):
        lambda_returns(t.reward_t, t.discount_t, t.v_tp1[0], 1.0)
    with pytest.raises(ValueError, match=r"lambda_ has shape \(1,\)"):
        lambda_returns(t.reward_t, t.discount_t, t.v_tp1, torch.ones(1))
    with pytest.raises(ValueError, match=r"lambda_ must be in \[0, 1\], but is 2"):
        lambda_returns(t.reward_t, t.discount_t, t.v_tp1, 2.0)
