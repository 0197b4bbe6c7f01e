"""Closed-form divergences against worked numbers and torch.distributions."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Categorical, Independent, Normal, kl_divergence

from skill_train.skill_agents.ops.divergence import categorical_kl, gaussian_kl
from skill_train.skill_agents.ops.product_of_gaussians import product_of_gaussians


def random_gaussians(seed: int, *shape: int) -> list[torch.Tensor]:
    """mean_p, std_p, mean_q, std_q."""
    generator = torch.Generator().manual_seed(seed)
    draws = torch.randn(4, *shape, dtype=torch.float64, generator=generator)
    return [draws[0], draws[1].exp(), draws[2], draws[3].exp()]


def test_gaussian_kl_worked_numbers():
    # one component: p = N(1, 2^2), q = N(0, 1):  (4 - 1)/2 - log 2 + 1/2 = 2 - log 2
    # the other:     p = q = N(3, 0.5^2):         0
    one = gaussian_kl(
        torch.tensor([1.0, 3.0]),
        torch.tensor([2.0, 0.5]),
        torch.tensor([0.0, 3.0]),
        torch.tensor([1.0, 0.5]),
    )
    assert one.shape == ()
    assert one.item() == pytest.approx(2.0 - math.log(2.0))


def test_gaussian_kl_equals_torch_distributions():
    mean_p, std_p, mean_q, std_q = random_gaussians(0, 5, 3, 4)
    p, q = Independent(Normal(mean_p, std_p), 1), Independent(Normal(mean_q, std_q), 1)
    torch.testing.assert_close(gaussian_kl(mean_p, std_p, mean_q, std_q), kl_divergence(p, q))


def test_gaussian_kl_is_the_expected_log_ratio():
    """What a closed form must agree with: the mean of log p - log q over draws from p."""
    mean_p, std_p, mean_q, std_q = random_gaussians(1, 2)
    generator = torch.Generator().manual_seed(2)
    noise = torch.randn(200_000, 2, dtype=torch.float64, generator=generator)
    x = mean_p + std_p * noise
    log_ratio = (Normal(mean_p, std_p).log_prob(x) - Normal(mean_q, std_q).log_prob(x)).sum(-1)
    standard_error = log_ratio.std().item() / math.sqrt(len(x))
    kl = gaussian_kl(mean_p, std_p, mean_q, std_q).item()
    assert abs(log_ratio.mean().item() - kl) < 5 * standard_error


def test_gaussian_kl_of_a_distribution_with_itself_is_zero():
    mean, std, *_ = random_gaussians(3, 6, 4)
    torch.testing.assert_close(
        gaussian_kl(mean, std, mean, std), torch.zeros(6, dtype=torch.float64)
    )


def test_gaussian_kl_gradients():
    arguments = [x.requires_grad_() for x in random_gaussians(4, 3, 2)]
    assert torch.autograd.gradcheck(gaussian_kl, arguments)


def test_gaussian_kl_does_not_broadcast():
    with pytest.raises(ValueError, match=r"std_q has shape \(1,\).*mean_p, \(2,\)"):
        gaussian_kl(torch.zeros(2), torch.ones(2), torch.zeros(2), torch.ones(1))


def test_categorical_kl_worked_numbers():
    # p = (1/2, 1/2), q = (1/4, 3/4):  log 2 / 2 + log(2/3) / 2 = log(4/3) / 2
    kl = categorical_kl(torch.tensor([7.0, 7.0]), torch.tensor([1.0, 3.0]).log())
    assert kl.item() == pytest.approx(0.5 * math.log(4 / 3))


def test_categorical_kl_equals_torch_distributions():
    p, q = torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(5)).double()
    expected = kl_divergence(Categorical(logits=p), Categorical(logits=q))
    torch.testing.assert_close(categorical_kl(p, q), expected)


def test_categorical_kl_takes_no_notice_of_a_constant_in_the_logits():
    p, q = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(6)).double()
    torch.testing.assert_close(categorical_kl(p + 100.0, q - 50.0), categorical_kl(p, q))


def test_categorical_kl_of_excluded_outcomes():
    """Both exclude the last outcome: as if it did not exist, gradients included."""
    p = torch.tensor([0.3, -1.2, -torch.inf], requires_grad=True)
    q = torch.tensor([-0.4, 0.9, -torch.inf], requires_grad=True)
    kl = categorical_kl(p, q)
    assert kl.item() == pytest.approx(categorical_kl(p[:2], q[:2]).item())
    kl.backward()
    assert torch.isfinite(p.grad).all() and torch.isfinite(q.grad).all()
    assert categorical_kl(torch.zeros(2), torch.tensor([0.0, -torch.inf])).item() == torch.inf


def test_categorical_kl_gradients():
    p, q = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(7)).double()
    assert torch.autograd.gradcheck(categorical_kl, [p.requires_grad_(), q.requires_grad_()])


def test_product_of_gaussians_worked_numbers():
    # precisions 1 and 4: std = 1/sqrt(5), mean = (1*0 + 4*5) / 5 = 4
    mean, std = product_of_gaussians(torch.tensor([[0.0], [5.0]]), torch.tensor([[1.0], [0.5]]), 0)
    torch.testing.assert_close(mean, torch.tensor([4.0]))
    torch.testing.assert_close(std, torch.tensor([5.0**-0.5]))


def test_product_of_gaussians_is_the_normalised_density():
    """log of the product differs from the result's log density by one constant everywhere."""
    mean_n, std_n, *_ = random_gaussians(8, 6, 1)
    mean, std = product_of_gaussians(mean_n, std_n, 0)
    x = torch.linspace(-3.0, 3.0, 31, dtype=torch.float64).reshape(-1, 1)
    total = Normal(mean_n, std_n).log_prob(x.unsqueeze(1)).sum(1)
    difference = total - Normal(mean, std).log_prob(x)
    torch.testing.assert_close(difference, difference[:1].expand_as(difference))


def test_product_of_gaussians_axis_and_order():
    mean_n, std_n, *_ = random_gaussians(9, 3, 6, 2)
    got = product_of_gaussians(mean_n, std_n, 1)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(0))
    shuffled = product_of_gaussians(mean_n[:, order], std_n[:, order], 1)
    one_by_one = [product_of_gaussians(m, s, 0) for m, s in zip(mean_n, std_n, strict=True)]
    for i in range(2):
        assert got[i].shape == (3, 2)
        torch.testing.assert_close(shuffled[i], got[i])
        torch.testing.assert_close(torch.stack([pair[i] for pair in one_by_one]), got[i])
