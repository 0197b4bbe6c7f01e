"""What every test runs under: one thread per process, as in an actor, and rendering on the CPU."""

import os
from ctypes.util import find_library

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
if find_library("OSMesa"):
    os.environ.setdefault("MUJOCO_GL", "osmesa")


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the marks in its own
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep tests that start Ray in one worker: several Rays at once starve each other."""
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            if item.get_closest_marker("cluster"):
                item.add_marker(pytest.mark.xdist_group("ray"))
