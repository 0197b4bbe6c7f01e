"""The folders import downwards only, and heavy libraries stay where they belong.

Everything is read from the source by `ast`, so an import inside a function counts as well.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Bottom up: a folder may import itself and those before it.
LAYERS = ("tasks", "replay", "skill_agents", "learners", "actors", "experiments", "cluster")

# Folders of skill_agents that hold one paper each; papers never import each other.
PAPERS = {"sac", "hierarchical_kl", "dse", "vate", "mbml", "lsp"}

# Library -> the folders that may import it.
ONLY_IN = {
    "ray": {"cluster"},
    "reverb": {"replay"},
    "tensorflow": {"replay"},
}

# Folder -> libraries that it must do without.
FORBIDDEN = {
    "tasks": {"torch"},
    # Algorithms are tensors and formulas: no environments, no files, no processes.
    "skill_agents": {
        "mujoco", "gymnasium", "dm_control", "gymnasium_robotics", "minari",
        "pathlib", "os", "io", "shutil", "tempfile", "pickle", "json",
        "multiprocessing", "subprocess", "threading", "socket",
    },
}  # fmt: skip


class Import(NamedTuple):
    line: int
    module: str
    """Dotted name; ``from a import b`` gives ``a.b``, since b may be a module."""


def imports_of(source: str, package: str) -> list[Import]:
    """Every import in ``source``, a module of ``package``, relative ones made absolute."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [Import(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join(parts[: len(parts) - node.level + 1] + ([base] if base else []))
            found += [Import(node.lineno, f"{base}.{alias.name}") for alias in node.names]
        elif isinstance(node, ast.Call) and _is_import_call(node):
            argument = node.args[0]
            assert isinstance(argument, ast.Constant)
            found.append(Import(node.lineno, str(argument.value)))
    return found


def _is_import_call(node: ast.Call) -> bool:
    """``importlib.import_module("x")``, ``__import__("x")`` and ``find_spec("x")``."""
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    return (
        name in {"import_module", "__import__", "find_spec"}
        and bool(node.args)
        and isinstance(node.args[0], ast.Constant)
    )


def violations(root: Path) -> list[str]:
    """One sentence for each import under ``root`` that breaks a rule."""
    found = []
    for layer in LAYERS:
        for path in sorted((root / layer).rglob("*.py")):
            relative = path.relative_to(root)
            package = ".".join(relative.parts[:-1])
            for line, module in imports_of(path.read_text(), package):
                reason = _reason_against(relative, module)
                if reason:
                    found.append(f"{relative}:{line} imports {module}: {reason}")
    return found


def _reason_against(path: Path, module: str) -> str | None:
    layer = path.parts[0]
    top = module.partition(".")[0]
    if top in LAYERS and LAYERS.index(top) > LAYERS.index(layer):
        return f"{layer} may import only {', '.join(LAYERS[: LAYERS.index(layer) + 1])}"
    if top in ONLY_IN and layer not in ONLY_IN[top]:
        return f"only {', '.join(sorted(ONLY_IN[top]))} may import {top}"
    if top in FORBIDDEN.get(layer, ()):
        return f"{layer} does without {top}"
    if top in {"tests", "benchmarks", "examples"}:
        return "packages do not import what is not installed with them"
    own, other = _paper(path.parts), _paper(tuple(module.split(".")))
    if other and layer == "skill_agents" and own != other:
        if own:
            return f"papers never import each other ({own}, {other})"
        return f"what papers share does not import a paper ({other})"
    if other and layer == "learners":
        return "the learner is generic and never names an algorithm"
    return None


def _paper(parts: tuple[str, ...]) -> str | None:
    inside = len(parts) > 1 and parts[0] == "skill_agents" and parts[1] in PAPERS
    return parts[1] if inside else None


def test_every_import_points_down():
    assert violations(ROOT) == []


def test_every_top_folder_is_a_layer():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"tests"} == set(LAYERS)


@pytest.mark.parametrize(
    ("path", "line", "complaint"),
    [
        ("tasks/grid.py", "import torch", "tasks does without torch"),
        ("tasks/grid.py", "from replay.step import Step", "tasks may import only tasks"),
        ("replay/writer.py", "import skill_agents.agent", "replay may import only tasks, replay"),
        ("skill_agents/ops/x.py", "import ray", "only cluster may import ray"),
        ("skill_agents/ops/x.py", "import reverb", "only replay may import reverb"),
        ("skill_agents/x.py", "import gymnasium as gym", "does without gymnasium"),
        ("skill_agents/x.py", "from mujoco import mjx", "does without mujoco"),
        ("skill_agents/x.py", "from pathlib import Path", "does without pathlib"),
        ("skill_agents/sac/x.py", "from skill_agents.dse import y", "papers never import"),
        ("skill_agents/sac/x.py", "from ..vate import y", "papers never import"),
        ("skill_agents/nets/x.py", "from skill_agents import lsp", "does not import a paper"),
        ("learners/x.py", "import skill_agents.sac.agent", "never names an algorithm"),
        ("learners/x.py", "def f():\n    import actors.actor", "learners may import only"),
        ("actors/x.py", "import tensorflow.io", "only replay may import tensorflow"),
        ("actors/x.py", "importlib.import_module('ray.util')", "only cluster may import ray"),
        ("experiments/x.py", "import cluster", "experiments may import only"),
        ("cluster/x.py", "from tests.fakes import Fake", "not installed with them"),
    ],
)
def test_a_bad_import_is_found(tmp_path, path, line, complaint):
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(line + "\n")
    (sentence,) = violations(tmp_path)
    assert sentence.startswith(path)
    assert complaint in sentence


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("replay/reverb_native.py", "import reverb"),
        ("cluster/on_ray.py", "import ray"),
        ("cluster/cli.py", "import experiments.dse, tasks.grids"),
        ("skill_agents/sac/agent.py", "from .config import x\nfrom skill_agents.ops import y"),
        ("experiments/dse.py", "from skill_agents.dse.config import x"),
        ("actors/x.py", "import numpy, torch, gymnasium"),
    ],
)
def test_a_good_import_passes(tmp_path, path, line):
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(line + "\n")
    assert violations(tmp_path) == []


def test_layers_do_not_hide_standard_modules():
    assert not set(LAYERS) & sys.stdlib_module_names
