"""Environment steps per second on one core: gymnasium alone, our actor, RLlib's runner.

    python -m benchmarks.speed.throughput --env HalfCheetah-v5 --seconds 3 --repeats 5

All sides are processes pinned to the same core and run in turn, one at a time, so that other load
of the machine slows each of them; the Reverb server has another core. Ratios are taken within a
round, and their median is given. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from benchmarks.speed.acting_sides import Gymnasium, OurActor, ReplayServer, RLlibRunner, Steps
from benchmarks.speed.pinned import Pinned, last_cores

POLICIES = ("hierarchical", "flat")
TARGETS = {
    "HalfCheetah-v5": {"over_gymnasium": 0.75, "over_rllib": 5.0},
    "Ant-v5": {"over_gymnasium": 0.85, "over_rllib": 3.0},
}


def measure(
    env_id: str, seconds: float, environments: int, repeats: int, rllib: bool = True
) -> dict[str, Any]:
    """The steps per second of every side, and the ratios of our actor to the others."""
    core, other = last_cores()
    with ExitStack() as stack:

        def start(*args: Any) -> Pinned:
            process = Pinned(*args)
            stack.callback(process.stop)
            return process

        servers = {policy: start(other, ReplayServer, env_id, policy) for policy in POLICIES}
        sides = {"gymnasium": start(core, Gymnasium, env_id)}
        for policy, server in servers.items():
            address = server.ask("address")
            sides[f"ours_{policy}"] = start(core, OurActor, env_id, environments, policy, address)
        if rllib:
            sides["rllib_1_env"] = start(core, RLlibRunner, env_id, 1)
            sides[f"rllib_{environments}_envs"] = start(core, RLlibRunner, env_id, environments)
        for side in sides.values():
            side.tell("run", min(seconds, 1.0))  # builds the side and warms it up
        for side in sides.values():
            side.answer()
        rounds = [
            {name: side.ask("run", seconds) for name, side in sides.items()} for _ in range(repeats)
        ]
        written = {policy: server.ask("items_inserted") for policy, server in servers.items()}
    return {
        "benchmark": "throughput",
        "env": env_id,
        "environments": environments,
        "seconds": seconds,
        "steps_per_second": _medians(rounds, per_second),
        "steps_per_cpu_second": _medians(rounds, per_cpu_second),
        "ratios": ratios(rounds, per_second),
        "ratios_of_cpu_time": ratios(rounds, per_cpu_second),
        "targets": TARGETS.get(env_id, {}),
        "items_written": written,
        "rounds": [
            {name: round(per_second(s), 1) for name, s in sides.items()} for sides in rounds
        ],
    }


def per_second(steps: Steps) -> float:
    return steps.steps / steps.seconds


def per_cpu_second(steps: Steps) -> float:
    """Steps per second of CPU time, which leaves out other programs but also our own waiting."""
    return steps.steps / steps.cpu_seconds


def ratios(
    rounds: Sequence[Mapping[str, Steps]], rate: Callable[[Steps], float]
) -> dict[str, dict[str, float]]:
    """Ratios of our actor to each other side: medians over the rounds of the ratio in a round."""
    others = [name for name in rounds[0] if not name.startswith("ours_")]
    return {
        f"ours_{policy}": {
            f"over_{other}": round(
                statistics.median(rate(s[f"ours_{policy}"]) / rate(s[other]) for s in rounds), 3
            )
            for other in others
        }
        for policy in POLICIES
    }


def _medians(
    rounds: Sequence[Mapping[str, Steps]], rate: Callable[[Steps], float]
) -> dict[str, float]:
    return {
        name: round(statistics.median(rate(sides[name]) for sides in rounds), 1)
        for name in rounds[0]
    }


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--env", default="HalfCheetah-v5")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each side in each round")
    parser.add_argument("--environments", type=int, default=32, help="in our actor")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-rllib", action="store_true", help="leave RLlib out")
    given = parser.parse_args(arguments)
    result = measure(
        given.env, given.seconds, given.environments, given.repeats, rllib=not given.no_rllib
    )
    print(json.dumps(result, indent=1))
    return result


if __name__ == "__main__":
    main()
