"""Pop-Art against its definition, and that it preserves outputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skill_train.skill_agents.ops.pop_art import Moments, preserve_outputs, update_moments


def moments(mean: list[float], variance: list[float]) -> Moments:
    return Moments(torch.tensor(mean), torch.tensor(variance))


def test_moments_move_towards_those_of_the_counted_targets():
    targets = torch.tensor([[[1.0, 3.0]], [[5.0, 99.0]]])  # T = 2, N = 1, B = 2
    counts = torch.tensor([[[True, True]], [[True, False]]])
    new = update_moments(moments([0.0], [1.0]), targets, counts, torch.tensor([0.25]))
    assert new.mean.item() == pytest.approx(0.25 * 3.0)
    second = 0.75 + 0.25 * (1 + 9 + 25) / 3
    assert new.variance.item() == pytest.approx(second - 0.75**2)
    assert new.std().item() == pytest.approx(np.sqrt(second - 0.75**2))


def test_a_row_without_a_counted_target_keeps_its_moments():
    targets = torch.full((2, 2, 3), torch.nan)
    targets[:, 0] = 7.0
    counts = torch.zeros(2, 2, 3, dtype=torch.bool)
    counts[:, 0] = True
    new = update_moments(moments([0.0, 4.0], [1.0, 17.0]), targets, counts, torch.ones(2))
    assert new.mean.tolist() == [7.0, 4.0] and new.variance.tolist() == [0.0, 17.0]
    assert new.std()[0].item() == pytest.approx(1e-4), "constant targets: the smallest std"


def test_normalised_targets_reach_zero_mean_and_unit_variance():
    torch.manual_seed(0)
    now = Moments(torch.zeros(2).double(), torch.ones(2).double())
    scale, shift = torch.tensor([0.01, 1000.0]), torch.tensor([-3.0, 5e3])
    everywhere = torch.ones(20, 2, 30, dtype=torch.bool)
    for _ in range(400):
        targets = torch.randn(20, 2, 30) * scale[:, None] + shift[:, None]
        now = update_moments(now, targets.double(), everywhere, torch.full((2,), 0.05).double())
    normal = (targets - now.mean[:, None]) / now.std()[:, None]
    torch.testing.assert_close(normal.mean((0, 2)), torch.zeros(2).double(), atol=0.15, rtol=0.0)
    torch.testing.assert_close(normal.std((0, 2)), torch.ones(2).double(), atol=0.15, rtol=0.0)


@pytest.mark.parametrize(("mean", "std"), [(300.0, 0.1), (1e4, 1.0), (-3e3, 0.5)])
def test_a_std_that_is_small_beside_the_mean_is_kept_in_float32(mean, std):
    """Against the paper's two moments in float64."""
    rng = np.random.default_rng(0)
    now, exact = moments([0.0], [1.0]), np.zeros(2)
    everywhere = torch.ones(20, 1, 30, dtype=torch.bool)
    for i in range(50):
        targets = (mean + std * rng.normal(size=(20, 1, 30))).astype(np.float32)
        rate = max(1 / (i + 1), 0.1)
        now = update_moments(now, torch.from_numpy(targets), everywhere, torch.tensor([rate]))
        wide = targets.astype(np.float64)
        exact += rate * (np.array([wide.mean(), (wide**2).mean()]) - exact)
    assert now.std().item() == pytest.approx(np.sqrt(exact[1] - exact[0] ** 2), rel=0.01)
    assert now.std().item() == pytest.approx(std, rel=0.1)


def test_outputs_are_preserved():
    torch.manual_seed(0)
    features = torch.randn(7, 4).double()
    weight, bias = torch.randn(3, 4).double(), torch.randn(3).double()
    old = Moments(torch.randn(3).double(), 9.0 + torch.rand(3).double())
    new = Moments(5.0 * torch.randn(3).double(), 300.0 + torch.rand(3).double())
    new_weight, new_bias = preserve_outputs(weight, bias, old, new)
    before = old.std() * (features @ weight.T + bias) + old.mean
    after = new.std() * (features @ new_weight.T + new_bias) + new.mean
    torch.testing.assert_close(after, before)
    assert not torch.allclose(new_weight, weight)


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="counts has shape"):
        update_moments(
            moments([0.0], [1.0]), torch.zeros(2, 1, 3), torch.ones(2, 1, 1), torch.ones(1)
        )
