"""What every test runs under: one thread per process, as in an actor, and rendering on the CPU."""

import os
import sys
from collections.abc import Iterator
from ctypes.util import find_library

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
if find_library("OSMesa"):
    os.environ.setdefault("MUJOCO_GL", "osmesa")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep the tests of a file that start Ray in one worker, which share the file's runs.

    pytest-xdist reads the marks as soon as all tests are collected, before a hook of ours could.
    """
    if item.get_closest_marker("cluster"):
        item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture
def nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test that names code from outside leaves none of it in this process."""
    import gymnasium

    from skill_train.cluster.plan import outside
    from skill_train.experiments import registry

    monkeypatch.setattr(registry, "_added", {})
    monkeypatch.setattr(outside, "_used", {})
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for module in outside.not_installed():
        del sys.modules[module.__name__]
    for env_id in [one for one in gymnasium.registry if one.startswith("own/")]:
        del gymnasium.registry[env_id]
