"""Freed memory stays with the process."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

# In a process of its own: the setting cannot be taken back.
PROGRAM = """
import sys
import numpy
from skill_train.learners.allocator import keep_freed_memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

if sys.argv[1] == "keep":
    assert keep_freed_memory()
block = numpy.ones(100 << 20, numpy.uint8)
held = resident()
del block
print(held - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
@pytest.mark.parametrize(("how", "kept"), [("keep", True), ("return", False)])
def test_freed_memory_is_kept_once_asked_for(how, kept):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how],
        env=os.environ | {"PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        check=True,
    )
    returned = int(done.stdout)
    assert returned < (10 << 20) if kept else returned > (90 << 20)
