"""Tests of a file that start Ray stay in one worker of pytest-xdist, and share the file's runs."""

from __future__ import annotations

import os

import pytest


@pytest.mark.cluster
def test_a_files_tests_that_start_ray_are_one_group(request: pytest.FixtureRequest) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("tests run in one process")
    assert request.node.nodeid.endswith("@test_grouping")
