"""Tests that start Ray stay in one worker of pytest-xdist: several Rays starve each other."""

from __future__ import annotations

import os

import pytest


@pytest.mark.cluster
def test_tests_that_start_ray_are_one_group(request: pytest.FixtureRequest) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("tests run in one process")
    assert request.node.nodeid.endswith("@ray")
