"""What every test runs under: one thread per process, as in an actor, and rendering on the CPU."""

import os
from ctypes.util import find_library

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
if find_library("OSMesa"):
    os.environ.setdefault("MUJOCO_GL", "osmesa")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep tests that start Ray in one worker: several Rays at once starve each other.

    pytest-xdist reads the marks as soon as all tests are collected, before a hook of ours could.
    """
    if item.get_closest_marker("cluster"):
        item.add_marker(pytest.mark.xdist_group("ray"))
