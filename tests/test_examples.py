"""Every example does what its first lines say, in its tiny form."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from skill_train.cluster import cli
from skill_train.cluster.plan import planning
from skill_train.cluster.store.run_dir import RunDir
from skill_train.replay.step import Step

pytestmark = pytest.mark.usefixtures("nothing_stays")

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"


def trained(capsys: pytest.CaptureFixture[str], path: Path, *args: str) -> RunDir:
    """A tiny run with these arguments, in this process."""
    assert cli.main(["run", *args, "--tiny", "--inline", "--run-dir", str(path)]) == 0
    assert "finished after 2,0" in capsys.readouterr().out
    return RunDir.open(path)


def test_every_example_has_a_test() -> None:
    text = Path(__file__).read_text()
    assert [path.name for path in EXAMPLES.glob("*.py") if f'"{path.name}"' not in text] == []


def test_own_task(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(EXAMPLES / "own_task.py")
    env_id = "own/Brake-v0"
    run = trained(
        capsys, tmp_path / "run", "sac/gymnasium", "--module", file, "tasks.env-id=" + env_id
    )
    assert planning.stage_of(run).tasks.make(0).spec.id == env_id

    env = gymnasium.make(env_id)
    check_env(env.unwrapped, skip_render_check=True)
    seen, _ = env.reset(seed=0)
    assert np.array_equal(seen["state"], [0.0, 0.0])
    for action, state in ((3.0, (0.03, 0.3)), (-3.0, (0.03, 0.0))):  # faster by 0.3 m/s, and back
        seen, reward, *_ = env.step(np.array([action], np.float32))
        assert seen["state"] == pytest.approx(state, abs=1e-6)
        assert reward == pytest.approx(-abs(seen["goal"][0] - 0.03) - 0.1 * state[1], abs=1e-6)


def test_own_experiment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained(capsys, tmp_path / "run", str(EXAMPLES / "own_experiment.py"))
    assert cli.main(["eval", str(run.path), "--episodes", "4", "--json"]) == 0
    per_task = json.loads(capsys.readouterr().out)["per_task"]
    assert [(one["dynamics"], one["goal"]) for one in per_task.values()] == [(0, 0), (2, 1)]


def test_own_algorithm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained(capsys, tmp_path / "run", str(EXAMPLES / "own_algorithm.py"))
    agent = planning.plan_of(run).agent("learner")
    assert type(agent).__module__ == "own_algorithm"

    seen = {"state": torch.randn(2, 3, 4)}
    rows = Step(
        observation=seen,
        action=torch.tensor([[0, 1, 1], [0, 0, 0]]),
        reward=torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]),
        discount=torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]),
        is_first=torch.zeros(2, 3, dtype=torch.bool),
        task=torch.zeros(2, 3, dtype=torch.int32),
        policy_version=torch.zeros(2, 3, dtype=torch.int64),
        extras={},
    )
    losses, _ = agent.losses({"transitions": rows})
    errors = []
    for b, action in enumerate((0, 1, 1)):
        now, after = ({"state": seen["state"][t, b]} for t in (0, 1))
        best = int(agent.q(after).argmax())
        future = 0.0 if b == 2 else 0.99 * agent.target_q(after)[best].item()
        errors.append(agent.q(now)[action].item() - (b + 1.0 + future))
    huber = [0.5 * e * e if abs(e) < 1 else abs(e) - 0.5 for e in errors]
    assert losses["q"].item() == pytest.approx(sum(huber) / 3, rel=1e-5)


@pytest.mark.cluster
@pytest.mark.timeout(300)
@pytest.mark.reverb
def test_own_algorithm_over_ray(tmp_path: Path) -> None:
    """From a folder that its file is not in."""
    file = str(EXAMPLES / "own_algorithm.py")
    done = subprocess.run(
        [sys.executable, "-m", "skill_train.cluster.cli", "run", file, "--tiny"]
        + ["--run-dir", "run"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert RunDir.open(tmp_path / "run").read_status().learner_steps > 0


@pytest.mark.cluster
@pytest.mark.timeout(300)
def test_skills_elsewhere(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    assert cli.main(["run", "dse/cartpole-3x3", "--tiny", "--inline", "--run-dir", run]) == 0
    done = subprocess.run(
        [sys.executable, EXAMPLES / "skills_elsewhere.py", run, "--iterations", "2"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    returns = re.findall(r"^iteration [12]: mean return ([\d.]+)$", done.stdout, re.MULTILINE)
    assert len(returns) == 2
    assert all(0 < float(one) <= 2000 for one in returns), "1 for each step that the pole is up"
