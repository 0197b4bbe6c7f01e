"""V-trace against worked numbers, a double loop over the printed formula, and its limits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skill_train.skill_agents.ops.returns import discounted_returns
from skill_train.skill_agents.ops.vtrace import vtrace
from tests.skill_agents.ops.trajectories import Trajectory, column, on_policy, random_trajectory


def slow_targets(
    trajectory: Trajectory, lambda_: float, clip_rho: float, clip_c: float
) -> np.ndarray:
    """Espeholt et al. 2018, eq. 1, as printed: O(T^2) terms."""
    v, v_tp1, r, g, ratio = (tensor.numpy() for tensor in trajectory)
    target = np.zeros_like(v)
    for b in range(v.shape[1]):
        for s in range(len(v)):
            total = v[s, b]
            for t in range(s, len(v)):
                weight = 1.0
                for i in range(s, t):
                    weight *= g[i, b] * lambda_ * min(clip_c, ratio[i, b])
                rho = min(clip_rho, ratio[t, b])
                total += weight * rho * (r[t, b] + g[t, b] * v_tp1[t, b] - v[t, b])
            target[s, b] = total
    return target


def test_worked_numbers():
    # error = r + 0.5 v_tp1 - v:  1 + 0.5*1 - 2 = -0.5;  2 + 0.5*3 - 1 = 2.5;  3 + 0.5*8 - 3 = 4
    # rho = min(1, ratio):        1;                     0.5;                  1
    # delta = rho error:          -0.5;                  1.25;                 4
    # x_2 = 4;   x_1 = 1.25 + 0.5*0.5*4 = 2.25;   x_0 = -0.5 + 0.5*1*2.25 = 0.625
    # advantage = rho (error + 0.5 x_next):  -0.5 + 1.125 = 0.625;  0.5 (2.5 + 2) = 2.25;  4
    target, advantage = vtrace(
        v_t=column(2.0, 1.0, 3.0),
        v_tp1=column(1.0, 3.0, 8.0),
        reward_t=column(1.0, 2.0, 3.0),
        discount_t=column(0.5, 0.5, 0.5),
        ratio_t=column(4.0, 0.5, 1.0),
    )
    torch.testing.assert_close(target, column(2.625, 3.25, 7.0))
    torch.testing.assert_close(advantage, column(0.625, 2.25, 4.0))


@pytest.mark.parametrize(("clip_rho", "clip_c"), [(1.0, 1.0), (2.0, 1.0), (1.0, 0.5), (3.7, 2.0)])
@pytest.mark.parametrize("lambda_", [0.0, 0.9, 1.0])
def test_targets_equal_the_double_loop(lambda_, clip_rho, clip_c):
    trajectory = random_trajectory(0)
    expected = slow_targets(trajectory, lambda_, clip_rho, clip_c)
    target, _ = vtrace(*trajectory, lambda_=lambda_, clip_rho=clip_rho, clip_c=clip_c)
    torch.testing.assert_close(target, torch.from_numpy(expected))


def test_the_advantage_is_the_papers_where_values_are_consistent():
    """rho_t (r_t + discount_t target_{t+1} - v_t), and v_tp1 after the last row."""
    t = random_trajectory(1)
    t = t._replace(v_tp1=on_policy(t).v_tp1)
    target, advantage = vtrace(*t, clip_rho=2.0)
    following = torch.cat([target[1:], t.v_tp1[-1:]])
    expected = t.ratio_t.clamp(max=2.0) * (t.reward_t + t.discount_t * following - t.v_t)
    torch.testing.assert_close(advantage, expected)


def test_on_policy_targets_are_n_step_returns():
    t = on_policy(random_trajectory(2))
    target, advantage = vtrace(*t)
    returns = discounted_returns(t.reward_t, t.discount_t, t.v_tp1[-1])
    torch.testing.assert_close(target, returns)
    torch.testing.assert_close(advantage, returns - t.v_t)


def test_lambda_zero_is_one_step():
    t = random_trajectory(3)
    error = t.ratio_t.clamp(max=1.0) * (t.reward_t + t.discount_t * t.v_tp1 - t.v_t)
    torch.testing.assert_close(vtrace(*t, lambda_=0.0).target_t, t.v_t + error)


def test_a_cost_of_the_next_state_counts_once_on_the_way_there():
    """Tirumala et al., B.3: delta_t uses V_{t+1} - KL_{t+1}, the advantage v_{t+1} - KL_{t+1}."""
    t = random_trajectory(4)
    kl_tp1 = torch.rand_like(t.v_t)
    v_tp1 = on_policy(t).v_tp1
    costly = vtrace(*t._replace(v_tp1=v_tp1 - kl_tp1))
    as_reward = vtrace(*t._replace(v_tp1=v_tp1, reward_t=t.reward_t - t.discount_t * kl_tp1))
    torch.testing.assert_close(costly.target_t, as_reward.target_t)
    torch.testing.assert_close(costly.advantage_t, as_reward.advantage_t)
    following = torch.cat([costly.target_t[1:], v_tp1[-1:]]) - kl_tp1
    expected = t.ratio_t.clamp(max=1.0) * (t.reward_t + t.discount_t * following - t.v_t)
    torch.testing.assert_close(costly.advantage_t, expected)


def test_two_episodes_in_one_trace_equal_each_alone():
    first, second = random_trajectory(5, length=4), random_trajectory(6, length=5)
    first.discount_t[-1] = 0.0
    both = Trajectory(*(torch.cat(pair) for pair in zip(first, second, strict=True)))
    for joined, a, b in zip(vtrace(*both), vtrace(*first), vtrace(*second), strict=True):
        torch.testing.assert_close(joined, torch.cat([a, b]))


def test_a_dead_row_with_zero_ratio_makes_a_time_limit_bootstrap():
    """The truncated row uses its v_tp1, as if the episode were a trace of its own."""
    first, second = random_trajectory(7, length=4), random_trajectory(8, length=4)
    first.discount_t[-1], first.ratio_t[-1] = 0.97, 1.0
    # the dead row's value is the last observation's, V(x_4), which is v_tp1 of the row before it
    value = first.v_tp1[-1:]
    nothing = torch.zeros_like(value)
    dead = Trajectory(value, second.v_t[:1], nothing, nothing, nothing)
    joined = Trajectory(*(torch.cat(parts) for parts in zip(first, dead, second, strict=True)))
    target, advantage = vtrace(*joined)
    alone = vtrace(*first)
    torch.testing.assert_close(target[:4], alone.target_t)
    torch.testing.assert_close(advantage[:4], alone.advantage_t)
    torch.testing.assert_close(target[3], first.reward_t[-1] + 0.97 * value[0])
    # so the two ways to write the next target agree: target of the dead row is its own value
    torch.testing.assert_close(target[4:5], value)
    torch.testing.assert_close(advantage[4:5], nothing)
    torch.testing.assert_close(target[5:], vtrace(*second).target_t)


def test_extra_axes_and_dtype():
    t = Trajectory(*(x.float() for x in random_trajectory(9, length=6, batch=8)))
    split = vtrace(*(x.reshape(6, 2, 4) for x in t))
    for got, expected in zip(split, vtrace(*t), strict=True):
        assert got.dtype == torch.float32
        torch.testing.assert_close(got.reshape(6, 8), expected)


def test_gradients():
    t = [x.requires_grad_() for x in random_trajectory(10, length=4, batch=2)[:4]]
    ratio = torch.tensor([[0.3, 1.7], [1.2, 0.8], [0.1, 5.0], [0.9, 0.6]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda *rows: tuple(vtrace(*rows, ratio)), t)


def test_wrong_arguments_are_named():
    t = random_trajectory(11, length=4, batch=2)
    with pytest.raises(ValueError, match=r"ratio_t has shape \(4,\).*v_t, \(4, 2\)"):
        vtrace(*t._replace(ratio_t=torch.ones(4)))
    with pytest.raises(ValueError, match=r"lambda_ must be in \[0, 1\]"):
        vtrace(*t, lambda_=-0.1)
    with pytest.raises(ValueError, match="must be above 0, but are 1.0 and 0.0"):
        vtrace(*t, clip_c=0.0)
