"""Updates per second of the SVG(0) learner against the same maths written plainly.

    python -m benchmarks.speed.learner --repeats 5

Both learn in this process, in turn, on one thread, from the same start and the same batch. Our
learner is also timed without each of its savings, which shows their worth. All of these keep freed
memory, as our learner's process does; the effect of this is measured first. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

import skill_train.tasks  # noqa: F401  # registers the environments
from benchmarks.speed.learner_sides import SAVINGS, Ours, Plain, largest_difference
from skill_train.actors.vector_env import environment_spec
from skill_train.experiments.hierarchical_kl.quickstart import SMALL_AGENT
from skill_train.learners.allocator import keep_freed_memory
from skill_train.replay.step import ArraySpec
from skill_train.skill_agents.agent import ContinuousAction, EnvironmentSpec
from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0Config
from skill_train.tasks.families import single_task

ANT = EnvironmentSpec(
    {"proprioception": ArraySpec((30,)), "task": ArraySpec((9,))},
    ContinuousAction((-1.0,) * 8, (1.0,) * 8),
)


def cases() -> dict[str, tuple[SVG0Config, EnvironmentSpec]]:
    """The measured agents: the paper's sizes for two bodies, and the quickstart's."""
    ball = environment_spec(single_task("skill/GoToTarget-Ball-v0").make(0))
    return {
        "paper-ball": (SVG0Config(), ball),
        "paper-ant": (SVG0Config(), ANT),
        "quickstart": (SMALL_AGENT, ball),
    }


def measure(
    config: SVG0Config, spec: EnvironmentSpec, seconds: float, repeats: int
) -> dict[str, Any]:
    sides: dict[str, Ours | Plain] = {"ours": Ours(config, spec), "plain": Plain(config, spec)}
    sides |= {f"ours without {saving}": Ours(config, spec, saving) for saving in SAVINGS}
    for side in sides.values():
        side.update()
    rounds = [{name: _rate(side, seconds) for name, side in sides.items()} for _ in range(repeats)]
    return {
        "batch": [config.batch_size, config.unroll_length],
        "action_samples": config.action_samples,
        "observation": {name: list(array.shape) for name, array in spec.observation.items()},
        "updates_per_second": {
            name: round(statistics.median(rates[name] for rates in rounds), 3) for name in sides
        },
        "ours_over": {
            name: round(statistics.median(rates["ours"] / rates[name] for rates in rounds), 3)
            for name in sides
            if name != "ours"
        },
        "largest_difference": largest_difference(config, spec),
    }


def returning_memory(config: SVG0Config, spec: EnvironmentSpec, seconds: float) -> dict[str, float]:
    """Updates per second of both sides without `keep_freed_memory`."""
    sides: dict[str, Ours | Plain] = {"ours": Ours(config, spec), "plain": Plain(config, spec)}
    for side in sides.values():
        side.update()
    return {
        f"{name}, memory returned": round(_rate(side, 2 * seconds), 3)
        for name, side in sides.items()
    }


def _rate(side: Ours | Plain, seconds: float) -> float:
    # CPU time of one thread leaves out the time that other programs had the core.
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    updates, started = 0, clock()
    while (passed := clock() - started) < seconds or not updates:
        side.update()
        updates += 1
    return updates / passed


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.5, help="of each side in each round")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cases", nargs="+", default=None, help="default: all of them")
    parser.add_argument("--batch-size", type=int, default=None, help="instead of each case's own")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    chosen = {n: case for n, case in cases().items() if given.cases is None or n in given.cases}
    if given.batch_size is not None:
        chosen = {
            n: (replace(config, batch_size=given.batch_size), spec)
            for n, (config, spec) in chosen.items()
        }
    returning = {n: returning_memory(*case, given.seconds) for n, case in chosen.items()}
    kept = keep_freed_memory()
    measured = {n: measure(*case, given.seconds, given.repeats) for n, case in chosen.items()}
    for name, rates in returning.items():
        measured[name]["updates_per_second"] |= rates
    result = {
        "benchmark": "learner",
        "threads": given.threads,
        "keeps_freed_memory": kept,
        "cases": measured,
    }
    print(json.dumps(result, indent=1))
    return result


if __name__ == "__main__":
    main()
