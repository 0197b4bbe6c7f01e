"""A run in one process: the same twice, resumed, stopped by NaN, without Ray and Reverb."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from skill_train.cluster.errors import RunError
from skill_train.cluster.loop import inline
from skill_train.cluster.plan import overrides
from skill_train.cluster.plan.planning import plan_for
from skill_train.cluster.store.run_dir import RunDir
from skill_train.experiments.registry import EXPERIMENTS
from skill_train.experiments.spec import Limits, Stage


def tiny(name: str = "quickstart", *changes: str) -> Stage:
    experiment = EXPERIMENTS[name]
    return overrides.apply(experiment.tiny(), changes)


def run(path: Path, stage: Stage, seed: int = 0) -> tuple[RunDir, dict[str, Any]]:
    run_dir = RunDir.create(path, "quickstart", [], stage, seed, tiny=True, inline=True)
    return run_dir, inline.run(plan_for(stage, seed), run_dir)


def tensors(state: Any) -> list[torch.Tensor]:
    """Every tensor of nested containers, in order."""
    if isinstance(state, torch.Tensor):
        return [state]
    if isinstance(state, dict):
        return [t for value in state.values() for t in tensors(value)]
    if isinstance(state, list | tuple):
        return [t for value in state for t in tensors(value)]
    return []


def learned(run_dir: RunDir) -> list[torch.Tensor]:
    checkpoint = run_dir.checkpoints.load_latest()
    assert checkpoint is not None
    return tensors(checkpoint.learner_state)


@pytest.mark.parametrize("name", ["quickstart", "hierarchical_kl/grid-1step"])
def test_two_runs_are_bit_identical(name: str, tmp_path: Path) -> None:
    """The same seed gives the same parameters, moments and evaluation; another seed does not."""
    stage = tiny(name)
    one, first = run(tmp_path / "one", stage)
    two, second = run(tmp_path / "two", stage)
    other, _ = run(tmp_path / "other", stage, seed=1)
    assert first["return_mean"] == second["return_mean"]
    assert all(torch.equal(a, b) for a, b in zip(learned(one), learned(two), strict=True))
    differ = [not torch.equal(a, b) for a, b in zip(learned(one), learned(other), strict=True)]
    assert any(differ)


def test_a_second_life_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    stage = tiny("quickstart", "--limits.env-steps", "1500")
    run_dir, before = run(tmp_path / "run", stage)
    longer = replace(stage, limits=Limits(env_steps=3_000))
    after = inline.run(plan_for(longer, 0), run_dir)
    assert after["env_steps"] >= 3_000
    assert after["learner_steps"] > before["learner_steps"]
    assert after["episodes"] >= before["episodes"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("--agent.critic-sizes 5,7", "size mismatch for"),
        ("--agent.replay-unrolls 77", "table 'unrolls'"),
    ],
)
def test_a_second_life_with_other_sizes_or_tables_is_one_sentence(change, sentence, tmp_path):
    stage = tiny("quickstart", "--limits.env-steps", "1700")
    run_dir, _ = run(tmp_path / "run", stage)
    other = overrides.apply(stage, [*change.split(), "--limits.env-steps", "9000"])
    with pytest.raises(RunError, match="cannot go on from where it stands: ") as refused:
        inline.run(plan_for(other, 0), run_dir)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_nan_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    stage = tiny("quickstart", "--agent.critic-learning-rate", "1e30")
    stage = overrides.apply(stage, ["--checkpoints.every-minutes", "0"])
    run_dir = RunDir.create(tmp_path / "run", "quickstart", [], stage, 0, tiny=True, inline=True)
    with pytest.raises(RunError, match=r"at learner step \d+: the run stops"):
        inline.run(plan_for(stage, 0), run_dir)
    assert run_dir.read_status().state == "failed"
    finite = [t.isfinite().all() for t in learned(run_dir) if t.is_floating_point()]
    assert finite
    assert all(finite)


BLOCKED = """
import sys
sys.modules.update(dict.fromkeys(("ray", "reverb", "tensorflow")))  # as if not installed
from skill_train.cluster.cli import main
from skill_train.cluster.plan.planning import plan_for
sys.exit(main(sys.argv[1:]))
"""


def test_inline_needs_neither_ray_nor_reverb(tmp_path: Path) -> None:
    """As on Python 3.12, where Reverb has no wheel; a distributed run says what it needs."""
    command = [sys.executable, "-c", BLOCKED, "run", "quickstart", "--tiny"]
    short = ["--run-dir", str(tmp_path / "run"), "--limits.env-steps", "1000"]
    done = subprocess.run([*command, "--inline", *short], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    refused = subprocess.run([*command], capture_output=True, text=True, cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "use Python 3.11, or add --inline" in refused.stderr
