"""Experiments and environments from outside the package: files, modules, installed packages."""

from __future__ import annotations

import importlib.metadata
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gymnasium
import pytest

from skill_train.cluster import cli
from skill_train.cluster.errors import RunError
from skill_train.cluster.plan import outside, planning
from skill_train.cluster.store.run_dir import RunDir
from skill_train.experiments import registry
from skill_train.experiments.registry import EXPERIMENTS

ROOT = Path(__file__).resolve().parents[2]

OWN = """
from dataclasses import dataclass, replace

import gymnasium
import numpy as np

from own_helper import STEPS
from skill_train.experiments.registry import EXPERIMENTS
from skill_train.experiments.spec import Experiment
from skill_train.skill_agents.sac.agent import SAC, SACConfig
from skill_train.tasks.families import GymnasiumTask


class Push(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-1, 1, (2,))
    action_space = gymnasium.spaces.Box(-1, 1, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action):
        return np.zeros(2, np.float32), 1.0, False, False, {}


gymnasium.register("own/Push-v0", entry_point=Push, max_episode_steps=STEPS)


@dataclass(frozen=True)
class OwnConfig(SACConfig):
    def build(self, spec):
        return Own(self, spec)


class Own(SAC):
    def after_step(self, step):
        super().after_step(step)


SAC_PRESET = EXPERIMENTS["sac/gymnasium"]
AGENT = OwnConfig(policy_sizes=(4,), critic_sizes=(4,), batch_per_task=4, minimum_per_task=10)
STAGE = replace(SAC_PRESET.stage, agent=AGENT, tasks=GymnasiumTask("own/Push-v0"))
PUSH = replace(SAC_PRESET, name="own/push", stage=STAGE, tiny_stage=STAGE)
"""
SHORT = ["limits.env-steps=60", "evaluation.final-episodes=2", "agent.samples-per-insert=1"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_stays: None) -> Iterator[Path]:
    """The current folder, whose ``mine/`` has a user's files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "own_push.py").write_text(OWN)
    (tmp_path / "mine" / "own_helper.py").write_text("STEPS = 20")
    yield tmp_path
    forget()


def forget() -> None:
    """As in a process that has not imported them."""
    for name in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[name]
    gymnasium.registry.pop("own/Push-v0", None)
    registry._added.clear()
    outside._used.clear()


def answer(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert cli.main(args) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def complaint(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert cli.main(args) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1, said
    return said


@pytest.mark.parametrize("named", ["mine/own_push.py", "mine/own_push.py:PUSH"])
def test_a_file_is_run_and_met_again_only_where_it_is_named(named, folder, capsys):
    said = answer(capsys, "run", named, "--inline", "--run-dir", "run", *SHORT)
    assert "mean return 20" in said, "a reward of 1 in each of 20 steps"
    assert "skill-train eval run --episodes 100 --seed 1 --module mine/own_push.py" in said
    config = RunDir.open("run").config
    assert (config.experiment, config.modules) == (
        "own/push",
        (str(folder / "mine" / "own_push.py"),),
    )

    for command in (["eval", "run"], ["resume", "run"], ["latents", "run", "--out", "x.png"]):
        forget()
        if command[0] == "resume":
            RunDir.open("run").write_status({"state": "stopped"})
        told = complaint(capsys, *command)
        assert f"name it: --module {folder}/mine/own_push.py" in told
        assert "own_push" not in sys.modules
    assert "mean return 20" in answer(
        capsys, "eval", "run", "--episodes", "2", "--module", "mine/own_push.py"
    )


def test_a_module_gives_an_experiment_by_the_name_of_its_variable(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder / "mine")
    assert "own/push: " in answer(capsys, "list", "own_push:PUSH")
    assert "paper own, in no figure; task own/Push" in answer(capsys, "list", "own_push:PUSH")
    assert "own/push" in answer(capsys, "list", "--module", "own_push")
    unnamed = replace(sys.modules["own_push"].PUSH, name="push")
    assert unnamed.paper == "own_push", "the module of its agent"


def test_a_run_cannot_disguise_what_it_asks_for(folder, capsys):
    run = RunDir.create("run", "own/push", [], None, 0, modules=["a.py; touch b"])
    assert "name it: --module 'a.py; touch b'" in complaint(capsys, "resume", "run")
    config = json.loads((run.path / "config.json").read_text())
    (run.path / "config.json").write_text(json.dumps(config | {"modules": ["a\n\x1b[2Jb"]}))
    told = complaint(capsys, "resume", "run")
    assert "is damaged, or not from a run: modules must be printable" in told


def test_an_environment_that_a_module_registers(folder, capsys):
    args = ["run", "sac/gymnasium", "--tiny", "--inline", "--tasks.env-id", "own/Push-v0"]
    told = complaint(capsys, *args)
    assert "Namespace own not found" in told
    assert "If a module of yours registers it, add: --module MODULE" in told
    said = answer(capsys, *args, "--module", "mine/own_push.py", *SHORT, "--run-dir", "run")
    assert "mean return 20" in said


@pytest.mark.parametrize(
    ("text", "named", "sentence"),
    [
        (None, "own_none.py", "there is no file own_none.py"),
        ("", "own_empty.py", "own_empty.py has no experiment: no variable that holds an Exp"),
        ("", "own_empty2.py:X", "own_empty2.py has no experiment 'X'"),
        ("1 +", "own_bad.py", "own_bad.py cannot be imported: SyntaxError"),
        ("raise SystemExit(3)", "own_exit.py", "own_exit.py cannot be imported: SystemExit: 3"),
        ("", "json.py", "json.py has the name of another module, json"),
        (OWN + "OTHER = replace(PUSH, name='own/b')", "mine/own_two.py",
         "has several experiments (own/push, own/b); run one with: skill-train run own/push --mod"),
        (OWN + "PUSH = replace(PUSH, name='quickstart')", "mine/own_name.py",
         "there is another experiment called quickstart"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(text, named, sentence, folder, capsys):
    if text is not None:
        (folder / named.partition(":")[0]).write_text(text)
    assert sentence in complaint(capsys, "run", named)
    assert not (folder / "runs").exists()


def install(folder: Path, name: str, value: str) -> None:
    """A package ``name`` that registers what ``value`` names."""
    about = folder / f"{name}-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[skill_train.experiments]\n{name} = {value}\n")


def test_an_installed_package_registers_experiments_and_a_broken_one_only_warns(folder):
    """In a process of its own, as what is installed is asked for once."""
    install(folder, "good", "own_several:ALL")
    install(folder, "broken", "own_broken:ALL")
    install(folder, "wrong", "own_several:NUMBERS")
    (folder / "own_several.py").write_text(OWN + "ALL = (PUSH,)\nNUMBERS = [1]\n")
    (folder / "own_helper.py").write_text("STEPS = 20")
    (folder / "own_broken.py").write_text("import not_there")
    done = subprocess.run(
        [sys.executable, "-m", "skill_train.cluster.cli", "list", "--json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}:{ROOT}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    names = [one["name"] for one in json.loads(done.stdout)]
    assert names == [*EXPERIMENTS, "own/push"]
    assert "own_broken:ALL (broken) are left out: No module named 'not_there'" in done.stderr
    assert "own_several:NUMBERS (wrong) are left out: 1 is not an Experiment" in done.stderr


def test_our_own_experiments_are_found_without_importing_other_packages(monkeypatch):
    def entry_points(**kwargs):
        raise AssertionError("looked for other packages")

    registry.add_installed.cache_clear()
    monkeypatch.setattr(registry, "entry_points", entry_points)
    assert planning.find("quickstart") is EXPERIMENTS["quickstart"]
    monkeypatch.setattr(registry, "entry_points", importlib.metadata.entry_points)
    with pytest.raises(RunError, match="did you mean quickstart"):
        planning.find("quickstrat")


def test_only_what_is_not_installed_travels(folder):
    import scipy  # noqa: F401  installed, and perhaps new to this process

    outside.use("mine/own_push.py")
    outside.use("mine/own_push.py")  # again, when there is nothing left to import
    outside.use("gymnasium_robotics")
    travels = [module.__name__ for module in outside.not_installed()]
    assert travels == ["own_helper", "own_push"]


def test_what_a_process_imported_is_imported_where_its_plan_goes(folder, monkeypatch):
    outside.use("mine/own_push.py")
    here = outside.Imported.here()
    assert here.modules == ("own_push",)
    sent = pickle.dumps(outside.Imported(here.modules, installed=False))
    forget()
    loaded: list[bool] = []
    monkeypatch.setattr(registry, "add_installed", lambda: loaded.append(True))
    pickle.loads(sent)
    assert ("own/Push-v0" in gymnasium.registry, loaded) == (True, [])
    pickle.loads(pickle.dumps(outside.Imported((), installed=True)))
    assert loaded == [True]


@pytest.mark.cluster
@pytest.mark.timeout(300)
@pytest.mark.reverb
def test_a_file_is_run_over_ray(folder):
    """Its environment, its agent and a module beside it are known in every process."""
    done = subprocess.run(
        [sys.executable, "-m", "skill_train.cluster.cli", "run", "mine/own_push.py"]
        + ["--run-dir", "run", *SHORT],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "mean return 20" in done.stdout
    assert RunDir.open(folder / "run").read_status().learner_steps > 0
