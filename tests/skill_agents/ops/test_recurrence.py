"""The backward recurrence, and that it can run where control flow may not read tensors."""

from __future__ import annotations

import torch

from skill_train.skill_agents.ops.recurrence import backward_recurrence
from skill_train.skill_agents.ops.retrace import retrace
from skill_train.skill_agents.ops.vtrace import vtrace
from tests.skill_agents.ops.trajectories import column, random_trajectory


def test_worked_numbers():
    # from x_3 = 10:  x_2 = 3 + 2*10 = 23;  x_1 = 2 + 0*23 = 2;  x_0 = 1 + 4*2 = 9
    last = torch.tensor([10.0], dtype=torch.float64)
    x = backward_recurrence(column(1.0, 2.0, 3.0), column(4.0, 0.0, 2.0), last)
    torch.testing.assert_close(x, column(9.0, 2.0, 23.0))
    torch.testing.assert_close(
        backward_recurrence(column(1.0, 2.0, 3.0), column(4.0, 0.5, 2.0)), column(15.0, 3.5, 3.0)
    )


def test_no_control_flow_reads_a_tensor():
    """On the meta device tensors have no values, so reading one would fail."""
    rows = [x.to("meta") for x in random_trajectory(0)]
    assert retrace(*rows, 0.9).shape == rows[0].shape
    assert vtrace(*rows).advantage_t.shape == rows[0].shape
