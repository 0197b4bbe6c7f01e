"""The back ends as fixtures; where Reverb cannot be loaded, its tests say why they are skipped."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Iterator

import pytest

from skill_train.replay.reverb_native import ReverbUnavailable, native
from tests.replay.backends import MemoryBackend, ReverbBackend


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    try:
        native()
    except ReverbUnavailable as error:
        for item in items:
            if item.get_closest_marker("reverb"):
                item.add_marker(pytest.mark.skip(reason=str(error)))


@pytest.fixture(params=["memory", pytest.param("reverb", marks=pytest.mark.reverb)])
def backend(request: pytest.FixtureRequest) -> Iterator[MemoryBackend | ReverbBackend]:
    if request.param == "memory":
        yield MemoryBackend()
        return
    with contextlib.ExitStack() as stack:
        yield ReverbBackend(stack)


@pytest.fixture
def servers() -> Iterator[contextlib.ExitStack]:
    """Whatever is pushed here is closed at the end of the test."""
    with contextlib.ExitStack() as stack:
        yield stack
    assert not multiprocessing.active_children()
