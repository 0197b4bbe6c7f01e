"""Algorithms and learners import where Ray, Reverb and the simulators are not installed.

A machine that only trains, from replay held in memory, has torch and NumPy and little else.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

BLOCKED = ("ray", "reverb", "tensorflow", "mujoco", "gymnasium", "dm_control")

PROGRAM = """
import importlib, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError("not on this machine: " + name, name=name)

sys.meta_path.insert(0, Blocker())
for name in {modules!r}:
    importlib.import_module(name)
print("imported", len({modules!r}))
"""


def modules_of(package: str) -> list[str]:
    """Dotted names of all modules of a top package, found as files."""
    paths = sorted((ROOT / package).rglob("*.py"))
    names = [
        ".".join(("skill_train", *path.relative_to(ROOT).with_suffix("").parts)) for path in paths
    ]
    return [name.removesuffix(".__init__") for name in names]


def run_blocked(modules: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(blocked=BLOCKED, modules=modules)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_algorithms_and_learners_import_with_torch_and_numpy_alone():
    replay = ["skill_train.replay.step", "skill_train.replay.tables"]
    modules = modules_of("skill_agents") + modules_of("learners") + replay
    assert "skill_train.skill_agents.agent" in modules
    result = run_blocked(modules)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"imported {len(modules)}\n"


def test_in_memory_replay_imports_with_numpy_alone():
    result = run_blocked(["skill_train.replay.in_memory"])
    assert result.returncode == 0, result.stderr


def test_the_blocker_blocks():
    result = run_blocked(["gymnasium"])
    assert result.returncode != 0
    assert "not on this machine: gymnasium" in result.stderr
