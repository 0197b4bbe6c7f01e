"""Updates per second of the SVG(0) learner as a CUDA graph, compiled, and one operation at a time.

    python -m benchmarks.speed.graphed --seconds 5 --repeats 5

All ways learn in this process, in turn, from the same start and the same batch at the paper's
sizes, on the best device there is. Without a GPU nothing can be captured, and the result says so.
Compiling takes minutes; --no-compiled leaves it out. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from benchmarks.speed.learner import ANT, cases
from benchmarks.speed.learner_sides import random_rows
from skill_train.experiments.hierarchical_kl.baselines import baselines
from skill_train.learners.feed import to_tensors
from skill_train.learners.graphed import WARM_UP, GraphedLearner, make_learner
from skill_train.learners.learner import Learner, best_device
from skill_train.skill_agents.agent import EnvironmentSpec
from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0Config


def sides(
    config: SVG0Config, spec: EnvironmentSpec, device: torch.device, compiled: bool
) -> dict[str, Callable[[], None]]:
    """The update function of each way, all warmed up."""
    rows = to_tensors(random_rows(config, spec), device)

    def agent() -> Any:
        torch.manual_seed(0)
        return config.build(spec)

    learners = {"eager": Learner(agent(), device), "captured": make_learner(agent(), device)}
    if not isinstance(learners["captured"], GraphedLearner):
        del learners["captured"]
    if compiled:
        learners["compiled"] = Learner(agent(), device)
        learners["compiled"].agent.losses = torch.compile(learners["compiled"].agent.losses)
    for learner in learners.values():
        for _ in range(WARM_UP + 2):
            learner.update({"unrolls": rows})
    return {
        name: lambda learner=learner: learner.update({"unrolls": rows})
        for name, learner in learners.items()
    }


def rate(update: Callable[[], None], device: torch.device, seconds: float) -> float:
    """Updates per second, timed until a GPU has finished them all."""
    updates, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds or not updates:
        for _ in range(10 if device.type == "cuda" else 1):
            update()
            updates += 1
        if device.type == "cuda":
            torch.cuda.synchronize(device)
    return updates / passed


def measure(
    config: SVG0Config, spec: EnvironmentSpec, device: torch.device, given: argparse.Namespace
) -> dict[str, Any]:
    ways = sides(config, spec, device, given.compiled)
    rounds = [
        {name: rate(update, device, given.seconds) for name, update in ways.items()}
        for _ in range(given.repeats)
    ]
    return {
        "batch": [config.batch_size, config.unroll_length],
        "updates_per_second": {
            name: round(statistics.median(rates[name] for rates in rounds), 2) for name in ways
        },
        "over_eager": {
            name: round(statistics.median(rates[name] / rates["eager"] for rates in rounds), 2)
            for name in ways
            if name != "eager"
        },
    }


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each way in each round")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cases", nargs="+", default=None, help="default: all of them")
    parser.add_argument("--compiled", action=argparse.BooleanOptionalAction, default=True)
    given = parser.parse_args(arguments)
    device = best_device()
    known = {**cases(), "paper-ant-distral": (baselines(SVG0Config())["-distral"], ANT)}
    chosen = {n: c for n, c in known.items() if given.cases is None or n in given.cases}
    result = {
        "benchmark": "graphed",
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "torch": torch.__version__,
        "cases": {name: measure(*case, device, given) for name, case in chosen.items()},
    }
    print(json.dumps(result, indent=1))
    return result


if __name__ == "__main__":
    main()
