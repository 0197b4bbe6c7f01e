r"""Run experiments over several seeds, some at a time, each in one process (``--inline``).

    python benchmarks/seeds.py quickstart quickstart-svg0 --seeds 0 1 2 --parallel 2 \
        --out runs/results -- --limits.env-steps 1000000

Arguments after ``--`` go to every run. Finished runs are left alone and interrupted ones are
resumed, so the same command continues an interrupted benchmark. Runs lie in
``OUT/EXPERIMENT-SEED``; draw them with ``skill-train plot OUT/* --out FILE.png``. An experiment
that comes after another starts from that one's finished run of the same seed, if it lies there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from skill_train.experiments.registry import EXPERIMENTS


def main() -> int:
    """Run all experiments and seeds; the exit status counts the failures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiments", nargs="+")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/results"))
    arguments = sys.argv[1:]
    split = arguments.index("--") if "--" in arguments else len(arguments)
    args, overrides = parser.parse_args(arguments[:split]), arguments[split + 1 :]
    jobs = [(name, seed) for seed in args.seeds for name in args.experiments]
    with ThreadPoolExecutor(args.parallel) as pool:
        codes = list(pool.map(lambda job: run_one(*job, args.out, overrides), jobs))
    return sum(code != 0 for code in codes)


def run_one(experiment: str, seed: int, out: Path, overrides: list[str]) -> int:
    """Carry out or resume one run; returns its exit status."""
    folder = _folder(experiment, seed, out)
    command = [sys.executable, "-m", "skill_train.cluster.cli"]
    if (folder / "config.json").is_file():
        if _finished(folder):
            return 0
        command += ["resume", str(folder)]
    else:
        where = ["--seed", str(seed), "--inline", "--run-dir", str(folder)]
        command += ["run", experiment, *where, *_start(experiment, seed, out), *overrides]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    minutes = (time.monotonic() - started) / 60.0
    last = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    outcome = next((line for line in last if line.startswith("evaluation")), last[-1:] or "")
    print(f"{experiment} seed {seed}: {minutes:.1f} min: {outcome}", flush=True)
    return done.returncode


def _folder(experiment: str, seed: int, out: Path) -> Path:
    return out / f"{experiment.replace('/', '_')}-{seed}"


def _finished(folder: Path) -> bool:
    status = folder / "status.json"
    return status.is_file() and json.loads(status.read_text())["state"] == "finished"


def _start(experiment: str, seed: int, out: Path) -> list[str]:
    before = EXPERIMENTS[experiment].after
    if before is None or not _finished(_folder(before, seed, out)):
        return []
    return ["--from", str(_folder(before, seed, out))]


if __name__ == "__main__":
    sys.exit(main())
