"""Retrace against worked numbers, a double loop over the printed formula, and its limits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skill_train.skill_agents.ops.retrace import retrace
from tests.skill_agents.ops.trajectories import Trajectory, column, random_trajectory


def call(trajectory: Trajectory, lambda_: float) -> torch.Tensor:
    """With v_t standing in for q_t."""
    return retrace(*trajectory, lambda_=lambda_)


def slow_retrace(trajectory: Trajectory, lambda_: float) -> np.ndarray:
    """The sum over s of the product over i, as printed: O(T^2) terms."""
    q, v, r, g, ratio = (tensor.numpy() for tensor in trajectory)
    target = np.zeros_like(q)
    for b in range(q.shape[1]):
        for t in range(len(q)):
            total = q[t, b]
            for s in range(t, len(q)):
                weight = 1.0
                for i in range(t + 1, s + 1):
                    weight *= g[i - 1, b] * lambda_ * min(1.0, ratio[i, b])
                total += weight * (r[s, b] + g[s, b] * v[s, b] - q[s, b])
            target[t, b] = total
    return target


def test_worked_numbers():
    # delta = r + discount v - q:   1 + 0.5*4 - 2 = 1;   2 + 0.5*2 - 1 = 2;   3 + 0.5*8 - 3 = 4
    # c = 0.8 min(1, ratio):        (unused);            0.8*0.5 = 0.4;       0.8*1 = 0.8
    # x_2 = 4;   x_1 = 2 + 0.5*0.8*4 = 3.6;   x_0 = 1 + 0.5*0.4*3.6 = 1.72
    target = retrace(
        q_t=column(2.0, 1.0, 3.0),
        v_tp1=column(4.0, 2.0, 8.0),
        reward_t=column(1.0, 2.0, 3.0),
        discount_t=column(0.5, 0.5, 0.5),
        ratio_t=column(9.0, 0.5, 2.0),
        lambda_=0.8,
    )
    torch.testing.assert_close(target, column(2.0 + 1.72, 1.0 + 3.6, 3.0 + 4.0))


@pytest.mark.parametrize("lambda_", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_double_loop(seed, lambda_):
    trajectory = random_trajectory(seed)
    expected = torch.from_numpy(slow_retrace(trajectory, lambda_))
    torch.testing.assert_close(call(trajectory, lambda_), expected)


def test_lambda_zero_is_one_step():
    t = random_trajectory(0)
    torch.testing.assert_close(call(t, 0.0), t.reward_t + t.discount_t * t.v_tp1)


def test_the_first_ratio_does_not_count():
    """target_t is the value of the given a_t, however unlikely the policy finds it."""
    t = random_trajectory(1)
    ratio = t.ratio_t.clone()
    ratio[0] = 123.0
    torch.testing.assert_close(call(t, 1.0), call(t._replace(ratio_t=ratio), 1.0))


def test_ratios_above_one_count_as_one():
    t = random_trajectory(2)
    clipped = t._replace(ratio_t=t.ratio_t.clamp(max=1.0))
    torch.testing.assert_close(call(t, 0.9), call(clipped, 0.9))


def test_on_policy_with_exact_values_is_the_n_step_return():
    """If q equals the value of the state it was taken in, the corrections telescope."""
    t = random_trajectory(3)
    v_tp1 = torch.cat([t.v_t[1:], t.v_tp1[-1:]])
    target = retrace(t.v_t, v_tp1, t.reward_t, t.discount_t, torch.ones_like(t.ratio_t), 1.0)
    expected, value = [], v_tp1[-1]
    for r, g in zip(t.reward_t.flip(0), t.discount_t.flip(0), strict=True):
        value = r + g * value
        expected.insert(0, value)
    torch.testing.assert_close(target, torch.stack(expected))


def test_two_episodes_in_one_trace_equal_each_alone():
    first, second = random_trajectory(4, length=4), random_trajectory(5, length=5)
    first.discount_t[-1] = 0.0
    both = Trajectory(*(torch.cat(pair) for pair in zip(first, second, strict=True)))
    torch.testing.assert_close(call(both, 0.9), torch.cat([call(first, 0.9), call(second, 0.9)]))


def test_a_dead_row_with_zero_ratio_cuts_at_a_time_limit():
    """Rows before a time limit get the targets of the episode alone; its last one bootstraps."""
    first, second = random_trajectory(6, length=4), random_trajectory(7, length=4)
    first.discount_t[-1] = 0.97
    # where nothing was done: no reward, discount or ratio, but values that must not matter
    dead = Trajectory(*(torch.full((1, 7), x, dtype=torch.float64) for x in (5.0, 6.0, 0, 0, 0)))
    joined = Trajectory(*(torch.cat(parts) for parts in zip(first, dead, second, strict=True)))
    target = call(joined, 1.0)
    torch.testing.assert_close(target[:4], call(first, 1.0))
    torch.testing.assert_close(target[5:], call(second, 1.0))
    bootstrapped = first.reward_t[-1] + 0.97 * first.v_tp1[-1]
    torch.testing.assert_close(target[3], bootstrapped)


def test_extra_axes_and_one_row():
    t = random_trajectory(8, length=6, batch=8)
    split = Trajectory(*(x.reshape(6, 2, 4) for x in t))
    torch.testing.assert_close(call(split, 0.9).reshape(6, 8), call(t, 0.9))
    row = Trajectory(*(x[:1] for x in t))
    torch.testing.assert_close(call(row, 0.9), row.reward_t + row.discount_t * row.v_tp1)


def test_float32_stays_float32():
    t = Trajectory(*(x.float() for x in random_trajectory(9)))
    assert call(t, 0.9).dtype == torch.float32


def test_gradients():
    t = [x.requires_grad_() for x in random_trajectory(10, length=4, batch=2)[:4]]
    ratio = torch.rand(4, 2, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda *rows: retrace(*rows, ratio, 0.9), t)


def test_a_wrong_shape_is_named():
    t = random_trajectory(11, length=4, batch=2)
    with pytest.raises(ValueError, match=r"v_tp1 has shape \(5, 2\).*q_t, \(4, 2\)"):
        call(t._replace(v_tp1=torch.zeros(5, 2)), 1.0)
    with pytest.raises(ValueError, match="at least one row"):
        call(Trajectory(*(x[:0] for x in t)), 1.0)
    with pytest.raises(ValueError, match=r"lambda_ must be in \[0, 1\], but is 1.5"):
        call(t, 1.5)
