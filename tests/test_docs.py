"""What the documents say is true: their commands run, and the names and files in them exist."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from skill_train.cluster import cli

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("*/*.md"), *ROOT.glob("*/*/*.md")]
    if not {".venv", "runs", "skill_train"} & set(path.parts[len(ROOT.parts) :])
)
PACKAGES = ("tasks", "replay", "skill_agents", "learners", "actors", "experiments", "cluster")

SHORTER = {
    "run": ["--tiny", "--inline"],
    "eval": ["--episodes", "2"],
    "video": ["--episodes", "1"],
    "skills": ["--panels", "4", "--seconds", "1"],
}
"""What is added to a command of the README to make it last seconds."""


def commands(document: Path) -> list[str]:
    """The lines of a document's ``sh`` blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_make_targets_exist(document: Path) -> None:
    for line in commands(document):
        if line.startswith("make "):
            subprocess.run([*line.split(), "-n"], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("nothing_stays")
def test_commands_of_the_readme_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In order, in an empty folder; training in its tiny form, in one process."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "datasets"))
    ran = []
    for line in commands(ROOT / "README.md"):
        words = shlex.split(line)
        if words[0] != "skill-train":
            continue
        words += SHORTER.get(words[1], [])
        assert cli.main(words[1:]) == 0, f"{line}\n{capsys.readouterr().err}"
        ran.append(words[1])
    assert {"list", "run", "status", "eval", "plot", "video"} <= set(ran)
    assert (tmp_path / "curve.png").stat().st_size > 0
    assert (tmp_path / "video.mp4").stat().st_size > 0


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_dotted_names_exist(document: Path) -> None:
    """``cluster.cli.main`` in code type is something that can be imported."""
    for name in re.findall(r"`([a-z_]+(?:\.\w+)+)`", document.read_text()):
        package = name.split(".")[0]
        if package in PACKAGES and not (ROOT / name).exists():
            _resolve(f"skill_train.{name}")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_files_exist(document: Path) -> None:
    """Relative links, and paths in code type that begin with a folder of ours."""
    text = document.read_text()
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (document.parent / link).exists(), f"{document.name} links to {link}"
    folders = (*PACKAGES, "tests", "benchmarks", "docs", "deploy", "examples")
    for path in re.findall(r"`([\w./-]+/[\w./-]*)`", text):
        if path.split("/")[0] in folders:
            assert (ROOT / path).exists(), f"{document.name} names {path}"


def _resolve(name: str) -> None:
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for part in parts[end:]:
            assert hasattr(found, part), f"{name}: {found} has no {part}"
            found = getattr(found, part)
        return
    raise AssertionError(f"{name} cannot be imported")


def test_each_recipe_changes_one_line_outside_its_new_files() -> None:
    """The diffs of the followed recipes apply to this checkout, and each adds one line."""
    text = (ROOT / "docs" / "recipes.md").read_text()
    diffs = re.findall(r"^```diff\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(diffs) == 3
    for diff in diffs:
        done = subprocess.run(
            ["git", "apply", "--check", "-"], cwd=ROOT, input=diff, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{done.stderr}{diff}"
        changed = re.findall(r"^[-+](?![-+]).*", diff, re.MULTILINE)
        assert [line[0] for line in changed] == ["+"]


def test_the_tour_counts_its_stops() -> None:
    """Numbered in order, each the path of a file of its own, and as many as its opening says."""
    text = (ROOT / "docs" / "tour.md").read_text()
    stops = re.findall(r"^(\d+)\. `([\w/]+\.py)`", text, re.MULTILINE)
    assert [int(number) for number, _ in stops] == list(range(1, len(stops) + 1))
    assert len({path for _, path in stops}) == len(stops) <= 14
    assert f"**{len(stops)} files" in text
