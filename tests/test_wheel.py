"""The wheel brings one import name, whatever lies in the folder that it is used from."""

from __future__ import annotations

import site
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("tasks", "replay", "skill_agents", "learners", "actors", "experiments", "cluster")


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    checkout = folder / "checkout"
    run("git", "-c", "safe.directory=*", "clone", "-q", ROOT, checkout, cwd=folder)
    pip = (sys.executable, "-m", "pip", "-q", "wheel", "--no-deps", "--no-build-isolation")
    run(*pip, "--wheel-dir", folder, checkout, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_it_has_one_top_package_and_every_module(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0] for name in names if name.endswith(".py")} == {"skill_train"}
    for folder in (
        "tasks",
        "replay",
        "skill_agents",
        "learners",
        "actors",
        "experiments",
        "cluster",
    ):
        tracked = run("git", "ls-files", f"{folder}/*.py", cwd=ROOT).split()
        assert {f"skill_train/{path}" for path in tracked} <= names


def test_a_folder_with_modules_of_the_same_names_does_not_disturb_a_run(
    wheel: Path, tmp_path: Path
) -> None:
    """A fresh environment has the wheel, and this one's libraries for its dependencies."""
    environment, user = tmp_path / "environment", tmp_path / "user"
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=tmp_path)
    python = environment / "bin" / "python"
    (packages,) = (environment / "lib").glob("python*/site-packages")
    # A folder named in a .pth file brings its packages, but not what its own .pth files name.
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()))
    pip = (sys.executable, "-m", "pip", "-q", "--python", python)
    run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=tmp_path)

    (user / "replay").mkdir(parents=True)
    for module in ("tasks.py", "replay/__init__.py"):
        (user / module).write_text("raise ImportError('the user\\'s own module')\n")
    where = run(python, "-c", "import skill_train.tasks as t; print(t.__file__)", cwd=user)
    assert Path(where.strip()).is_relative_to(packages)
    run(environment / "bin" / "skill-train", "run", "quickstart", "--tiny", "--inline", cwd=user)
    assert list(user.glob("runs/*/metrics.csv"))
