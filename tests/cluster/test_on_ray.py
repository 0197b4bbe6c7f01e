"""What the components of a run over Ray report of the data they learn from."""

from __future__ import annotations

import pytest
import torch

from cluster.on_ray import mean_version
from replay.step import Step


def test_the_version_of_a_batch_is_that_of_its_actions_and_not_of_its_padding() -> None:
    """Two trials in 5 rows: two actions of versions 7 and 9, and four of version 100."""
    acted = torch.tensor([[True, True, False, False], [True] * 4]).T
    version = torch.tensor([[7, 9, 9, 0, 0], [100] * 5]).T
    zeros = torch.zeros(5, 2)
    rows = Step(
        observation={},
        action=zeros,
        reward=zeros,
        discount=zeros,
        is_first=torch.cat([torch.ones(1, 2, dtype=torch.bool), ~acted]),
        task=zeros,
        policy_version=version,
        extras={},
    )
    assert mean_version({"trials": rows}) == pytest.approx((7 + 9 + 4 * 100) / 6)
