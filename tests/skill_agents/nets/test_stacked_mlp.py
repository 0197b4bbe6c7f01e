"""N networks at once give what each gives alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from skill_train.skill_agents.nets.stacked_mlp import StackedMLP, per_task


def alone(nets: StackedMLP, n: int) -> nn.Sequential:
    """Network ``n`` as ordinary layers."""
    parts: list[nn.Module] = []
    for layer in nets.layers:
        _, fan_in, fan_out = layer.weight.shape
        linear = nn.Linear(fan_in, fan_out)
        linear.weight.data = layer.weight[n].T.detach()
        linear.bias.data = layer.bias[n, 0].detach()
        parts += [linear, nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def test_each_row_goes_through_its_own_network():
    torch.manual_seed(0)
    nets = StackedMLP(3, 5, (8, 7), 2)
    inputs = torch.randn(3, 11, 5)
    out = nets(inputs)
    assert out.shape == (3, 11, 2)
    for n in range(3):
        torch.testing.assert_close(out[n], alone(nets, n)(inputs[n]))


def test_networks_are_chosen_by_index():
    torch.manual_seed(0)
    nets = StackedMLP(4, 5, (8,), 2)
    inputs = torch.randn(3, 6, 5)
    out = nets(inputs, torch.tensor([2, 0, 2]))
    for row, n in enumerate((2, 0, 2)):
        torch.testing.assert_close(out[row], alone(nets, n)(inputs[row]))


@pytest.mark.parametrize(("count", "task"), [(4, (2, 0, 2)), (1, (0, 0, 0)), (1, (3, 1, 0))])
@pytest.mark.parametrize("before", [(), (6,)])
def test_rows_of_tasks_keep_their_places(count, task, before):
    """Time before tasks, rows after; a single network is that of every task."""
    torch.manual_seed(0)
    nets = StackedMLP(count, 5, (8,), 2)
    inputs = torch.randn(*before, 3, 4, 5)
    out = per_task(nets, inputs, torch.tensor(task))
    assert out.shape == (*before, 3, 4, 2)
    for place, n in enumerate(task):
        expected = alone(nets, n % count)(inputs[..., place, :, :])
        torch.testing.assert_close(out[..., place, :, :], expected)


def test_a_row_s_gradient_reaches_its_own_network_only():
    nets = StackedMLP(3, 5, (8,), 1)
    nets(torch.randn(3, 4, 5))[1].sum().backward()
    for parameter in nets.parameters():
        touched = parameter.grad.flatten(1).abs().sum(1) > 0
        assert touched.tolist() == [False, True, False]


def test_layers_start_as_linear_layers_do():
    torch.manual_seed(0)
    layer = StackedMLP(50, 16, (), 30).layers[0]
    for values in (layer.weight, layer.bias):
        assert values.abs().max() <= 0.25
        assert abs(values.std().item() - 0.25 / 3**0.5) < 0.01
