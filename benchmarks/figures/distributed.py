r"""Learning over Ray and Reverb compared with learning in one process, for every kind of learner.

    python -m benchmarks.figures.distributed --out runs/distributed --seeds 0 1 2
    python -m benchmarks.figures.distributed --out runs/distributed --seeds 0 --ways ray-1-loaded

Ways: ``inline``; ``ray-1`` and ``ray-4``, over Ray with one and four actors; ``ray-1-loaded``, with
a busy process for every core beside it. Four actors have the environments of the one between them.
Finished runs are left alone, so the same command continues an interrupted benchmark.
Prints a table of the final evaluations on episodes that no training saw; ``--table`` runs nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from skill_train.cluster.loop.metrics import read_csv
from skill_train.cluster.store.run_dir import RunDir


class Case(NamedTuple):
    """A kind of learner: a preset and its length."""

    kind: str
    experiment: str
    environments: tuple[int, int]
    """Environments of a single actor, and of each of four actors: as many of every task."""
    env_steps: int


CASES = (
    Case("VATE", "vate/grid", (252, 63), 2_400_000),
    Case("V-trace", "hierarchical_kl/grid-1step", (32, 8), 400_000),
    Case("DSE-REINFORCE", "dse/cartpole-3x3", (72, 18), 2_500_000),
    Case("REINFORCE with baseline", "dse/asteroid-1-flat", (10, 3), 800_000),
    Case("RL2", "vate/grid-rl2-64", (252, 63), 1_000_000),
    Case("SAC", "dse/moving-goal-flat", (4, 1), 10_000),
    Case("DSE-SAC", "dse/reacher-3x3", (18, 9), 30_000),
    Case("SVG(0)", "quickstart", (16, 4), 250_000),
)
"""The cases, shortened where the whole preset would take many minutes; the same for every way."""
WAYS = ("inline", "ray-1", "ray-4", "ray-1-loaded")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the missing runs, then print the table; the exit status counts the failures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/distributed"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS[:3]))
    parser.add_argument("--kinds", nargs="+", choices=[c.kind for c in CASES], metavar="KIND")
    parser.add_argument("--table", action="store_true", help="print the table of finished runs")
    args = parser.parse_args(argv)
    failures = 0
    cases = [case for case in CASES if not args.kinds or case.kind in args.kinds]
    for seed in args.seeds if not args.table else ():
        for case in cases:
            for way in args.ways:
                failures += run(case, way, seed, args.out) != 0
    print(table(args.out, cases))
    return failures


def run(case: Case, way: str, seed: int, out: Path) -> int:
    """Carry out one run, unless it is finished; returns its exit status."""
    path = folder(case, way, seed, out)
    if _finished(path):
        return 0
    command = [sys.executable, "-m", "skill_train.cluster.cli"]
    if (path / "config.json").is_file():
        command += ["resume", str(path)]
    else:
        actors = 4 if way == "ray-4" else 1
        environments = case.environments[actors == 4]
        command += ["run", case.experiment, "--seed", str(seed), "--run-dir", str(path)]
        command += ["--actors", str(actors), "--actors.environments", str(environments)]
        command += ["--limits.env-steps", str(case.env_steps)]
        command += ["--inline"] if way == "inline" else []
    with _busy(os.cpu_count() or 1) if way.endswith("loaded") else contextlib.nullcontext():
        done = subprocess.run(command, capture_output=True, text=True)
    said = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    outcome = next((line for line in said if line.startswith("evaluation")), said[-1:] or "")
    print(f"{case.experiment} {way} seed {seed}: {outcome}", flush=True)
    return done.returncode


def table(out: Path, cases: Sequence[Case]) -> str:
    """Final returns by seed, and the greatest age of on-policy data in batches, as Markdown."""
    lines = [f"| learner | preset | {' | '.join(WAYS)} |", "|---" * (len(WAYS) + 2) + "|"]
    for case in cases:
        cells = []
        for way in WAYS:
            paths = sorted(out.glob(f"{folder(case, way, 0, Path()).name[:-1]}[0-9]*"))
            rows = [_result(path) for path in paths if _finished(path)]
            cells.append("; ".join(rows) or "-")
        lines.append(f"| {case.kind} | {case.experiment} | {' | '.join(cells)} |")
    return "\n".join(lines)


def folder(case: Case, way: str, seed: int, out: Path) -> Path:
    """The folder of a run."""
    return out / f"{case.experiment.replace('/', '_')}-{way}-{seed}"


def _result(path: Path) -> str:
    metrics = read_csv(RunDir.open(path).path / "metrics.csv")
    words = [f"{metrics['evaluation_return_mean'][-1]:.4g}"]
    success = metrics.get("evaluation_success_ratio", [math.nan])[-1]
    if not math.isnan(success):
        words.append(f"{success:.0%}")
    ages = [age for age in metrics.get("data_age_batches_max", []) if not math.isnan(age)]
    if ages:
        words.append(f"age {max(ages):.3g}")
    return " ".join(words)


def _finished(path: Path) -> bool:
    status = path / "status.json"
    return status.is_file() and json.loads(status.read_text())["state"] == "finished"


@contextlib.contextmanager
def _busy(processes: int) -> Iterator[None]:
    """Keep every core busy with other processes."""
    spinning = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)
    ]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
