"""Steps per second of every body and task, against MuJoCo's own steps of the same episodes.

    python -m benchmarks.speed.environment_rates --steps 1500 --repeats 5

Actions are random. Each episode that the environment plays is played again by ``mj_step`` alone,
from the same state with the same actions and as many physics steps, so both sides do the same
physics (checked) and the difference is the cost of actions, observations, rewards and resets.
Seconds are CPU time of the process, and the two sides take turns, so that other load of the machine
hardly matters; rates and ratios are medians of the repeats. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import NamedTuple

import gymnasium
import mujoco
import numpy as np

import skill_train.tasks  # noqa: F401

TASKS = ("GoToTarget", "Gap", "MoveBoxEasy", "MoveBoxMid", "MoveBoxHard", "MoveBoxHeavy")
TASKS += ("Gather", "MoveBoxOrGoToTarget", "MoveBoxAndGoToTarget")
LEAST = {"Ball": 0.3, "Ant": 0.6, "Quadruped": 0.6}  # of mj_step alone
AUTHORS = {"Ball": 1025.0, "Ant": 519.0}  # steps/s of the authors' go-to-target task
STATE = mujoco.mjtState.mjSTATE_INTEGRATION


class Rates(NamedTuple):
    """Steps per second."""

    environment: float
    physics: float

    @property
    def ratio(self) -> float:
        return self.environment / self.physics


def measure(env: gymnasium.Env, steps: int, rng: np.random.Generator) -> Rates:
    """One pass of ``steps`` control steps through the environment, and again without it."""
    simulation = env._simulation  # type: ignore[attr-defined]
    model, data = simulation.model, simulation.data
    size = mujoco.mj_stateSize(model, STATE)
    actions = rng.uniform(-1.0, 1.0, (steps, model.nu))
    starts: list[tuple[int, np.ndarray]] = []
    keeping, t = 0.0, 0
    begun = time.process_time()
    while t < steps:
        env.reset()
        kept = time.process_time()
        state = np.empty(size)
        mujoco.mj_getState(model, data, state, STATE)
        starts.append((t, state))
        keeping += time.process_time() - kept
        over = False
        while t < steps and not over:
            _, _, terminated, truncated, _ = env.step(actions[t])
            over = terminated or truncated
            t += 1
    environment = time.process_time() - begun - keeping

    final = data.qpos.copy()

    ends = [start for start, _ in starts[1:]] + [steps]
    ctrl, skip, physics = data.ctrl, simulation.physics_steps, 0.0
    for (start, state), end in zip(starts, ends, strict=True):
        mujoco.mj_setState(model, data, state, STATE)
        begun = time.process_time()
        for action in actions[start:end]:
            ctrl[:] = action
            mujoco.mj_step(model, data, skip)
        physics += time.process_time() - begun
    if not np.array_equal(data.qpos, final):
        raise RuntimeError("the two sides did not play the same episodes")
    return Rates(steps / environment, steps / physics)


def main() -> None:
    """Measure every body and task and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    print("| task | body | steps/s | mj_step alone | ratio | wanted | over the authors' |")
    print("|---|---|---|---|---|---|---|")
    for body, least in LEAST.items():
        for task in TASKS:
            env = gymnasium.make(f"skill/{task}-{body}-v0", disable_env_checker=True).unwrapped
            env.reset(seed=0)
            rng = np.random.default_rng(0)
            measure(env, 200, rng)
            all_rates = [measure(env, args.steps, rng) for _ in range(args.repeats)]
            rate = statistics.median(r.environment for r in all_rates)
            alone = statistics.median(r.physics for r in all_rates)
            ratio = statistics.median(r.ratio for r in all_rates)
            over = f"{rate / AUTHORS[body]:.1f}x" if body in AUTHORS else "-"
            row = (task, body, f"{rate:,.0f}", f"{alone:,.0f}", f"{ratio:.2f}", str(least), over)
            print("|", " | ".join(row), "|", flush=True)


if __name__ == "__main__":
    main()
