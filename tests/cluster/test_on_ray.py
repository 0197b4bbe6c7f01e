"""What the components of a run over Ray do when asked too late."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from skill_train.cluster.over_ray.workers import ReplayServer


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
