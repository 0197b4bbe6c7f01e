"""What the components of a run over Ray report of the data they learn from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from cluster.on_ray import ReplayServer, mean_version
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


@pytest.mark.parametrize("given_up", [True, False])
def test_tables_that_nobody_waits_for_any_more_are_no_error(tmp_path: Path, given_up: bool) -> None:
    """Who asked has given up and removed the checkpoint that they belong to."""
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()

    class Slow:
        def save(self, folder: Path) -> None:
            if given_up:
                shutil.rmtree(folder.parent)
            raise FileNotFoundError(folder)

    server = ReplayServer.__new__(ReplayServer)
    server._replay = Slow()
    if given_up:
        server.save(checkpoint / "replay")
    else:
        with pytest.raises(FileNotFoundError):
            server.save(checkpoint / "replay")
