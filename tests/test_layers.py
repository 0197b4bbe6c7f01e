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

# What every folder is imported through: a bare ``tasks`` may be anybody's.
NAMESPACE = "skill_train"

# Folders of skill_agents that everybody shares, and learners that papers may build on. Every other
# folder there is a paper; papers never import each other.
PARTS = {"ops", "nets"}
SHARED_LEARNERS = {"sac", "reinforce"}

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
            package = ".".join((NAMESPACE, *relative.parts[:-1]))
            for line, module in imports_of(path.read_text(), package):
                reason = _reason_against(relative, module)
                if reason:
                    found.append(f"{relative}:{line} imports {module}: {reason}")
    return found


def _reason_against(path: Path, module: str) -> str | None:
    layer = path.parts[0]
    top = module.partition(".")[0]
    if top in LAYERS:
        return f"import it as {NAMESPACE}.{module}"
    if top == NAMESPACE:
        module = module.partition(".")[2]
        top = module.partition(".")[0]
    if top in LAYERS and LAYERS.index(top) > LAYERS.index(layer):
        return f"{layer} may import only {', '.join(LAYERS[: LAYERS.index(layer) + 1])}"
    if top in ONLY_IN and layer not in ONLY_IN[top]:
        return f"only {', '.join(sorted(ONLY_IN[top]))} may import {top}"
    if top in FORBIDDEN.get(layer, ()):
        return f"{layer} does without {top}"
    if top in {"tests", "benchmarks", "examples"}:
        return "packages do not import what is not installed with them"
    own, other = _algorithm(path.with_suffix("").parts), _algorithm(tuple(module.split(".")))
    if other and layer == "learners":
        return "the learner is generic and never names an algorithm"
    if other and layer == "skill_agents" and own != other and other not in SHARED_LEARNERS:
        if own is None or own in SHARED_LEARNERS:
            return f"what papers share does not import a paper ({other})"
        return f"papers never import each other ({own}, {other})"
    return None


def _algorithm(parts: tuple[str, ...]) -> str | None:
    """The folder of skill_agents that holds the algorithm of a module, if it is of one."""
    if len(parts) < 2 or parts[0] != "skill_agents" or parts[1] in PARTS:
        return None
    is_module = (ROOT / "skill_agents" / f"{parts[1]}.py").exists() or len(parts) == 2
    return None if is_module and not (ROOT / "skill_agents" / parts[1]).is_dir() else parts[1]


def test_every_import_points_down():
    assert violations(ROOT) == []


@pytest.mark.parametrize("folder", ["tests", "benchmarks", "docs", "examples", "scripts"])
def test_nothing_is_imported_by_its_bare_name(folder):
    """A checkout has the folders on its path, so that only this shows a forgotten name."""
    bare = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, module in imports_of(path.read_text(), "")
        if module.partition(".")[0] in LAYERS
    ]
    assert bare == []


def test_every_top_folder_is_a_layer():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"tests", NAMESPACE} == set(LAYERS)


def test_the_namespace_links_to_every_layer():
    links = {path.name: path for path in (ROOT / NAMESPACE).iterdir() if path.is_symlink()}
    assert set(links) == set(LAYERS)
    assert all(path.resolve() == ROOT / name for name, path in links.items())


BAD = [
    ("tasks/grid.py", "import torch", "tasks does without torch"),
    ("tasks/grid.py", "from replay.step import Step", "import it as skill_train.replay.step"),
    ("tasks/grid.py", "from NS.replay.step import Step", "tasks may import only tasks"),
    ("replay/writer.py", "import NS.skill_agents.agent", "replay may import only tasks, replay"),
    ("skill_agents/ops/x.py", "import ray", "only cluster may import ray"),
    ("skill_agents/ops/x.py", "import reverb", "only replay may import reverb"),
    ("skill_agents/x.py", "import gymnasium as gym", "does without gymnasium"),
    ("skill_agents/x.py", "from mujoco import mjx", "does without mujoco"),
    ("skill_agents/x.py", "from pathlib import Path", "does without pathlib"),
    ("skill_agents/vate/x.py", "from NS.skill_agents.dse import y", "papers never import"),
    ("skill_agents/dse/x.py", "from ..vate import y", "papers never import"),
    ("skill_agents/sac/x.py", "from NS.skill_agents.dse import y", "does not import a paper"),
    ("skill_agents/nets/x.py", "from NS.skill_agents.dse import y", "does not import a paper"),
    ("learners/x.py", "import NS.skill_agents.sac.agent", "never names an algorithm"),
    ("learners/x.py", "def f():\n    import NS.actors.actor", "learners may import only"),
    ("actors/x.py", "import tensorflow.io", "only replay may import tensorflow"),
    ("actors/x.py", "importlib.import_module('ray.util')", "only cluster may import ray"),
    ("experiments/x.py", "import NS.cluster", "experiments may import only"),
    ("cluster/x.py", "from tests.fakes import Fake", "not installed with them"),
]


@pytest.mark.parametrize(("path", "line", "complaint"), BAD)
def test_a_bad_import_is_found(tmp_path, path, line, complaint):
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(line.replace("NS", NAMESPACE) + "\n")
    (sentence,) = violations(tmp_path)
    assert sentence.startswith(path)
    assert complaint in sentence


GOOD = [
    ("replay/reverb_native.py", "import reverb"),
    ("cluster/over_ray/workers.py", "import ray"),
    ("cluster/cli.py", "import NS.experiments.dse, NS.tasks.grids"),
    ("skill_agents/vate/x.py", "from .config import x\nfrom NS.skill_agents.ops import y"),
    ("skill_agents/dse/x.py", "from NS.skill_agents.sac.agent import SAC"),
    ("skill_agents/dse/x.py", "from NS.skill_agents.agent import Agent"),
    ("learners/x.py", "from NS.skill_agents.agent import Agent"),
    ("experiments/dse/reacher.py", "from NS.skill_agents.dse.config import x"),
    ("actors/x.py", "import numpy, torch, gymnasium"),
]


@pytest.mark.parametrize(("path", "line"), GOOD)
def test_a_good_import_passes(tmp_path, path, line):
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(line.replace("NS", NAMESPACE) + "\n")
    assert violations(tmp_path) == []


def test_layers_do_not_hide_standard_modules():
    assert not set(LAYERS) & sys.stdlib_module_names
