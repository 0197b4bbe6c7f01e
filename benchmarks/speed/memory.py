"""Private memory and start-up time of a run's actor processes, as JSON.

    python -m benchmarks.speed.memory --actors 32

Starts the replay server and the actors of an experiment over Ray as a run does, lets every actor
step until it has written rows, and then asks the system for each process's private memory (USS).
The total is the private memory of all processes that Ray started, its own daemons included.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import ray

from skill_train.cluster.over_ray.ray_session import ray_session
from skill_train.cluster.over_ray.workers import ActorWorker, ReplayServer
from skill_train.cluster.plan.planning import plan_for, stage_for

MB = 1e6


def measure(experiment: str, actors: int, changes: Sequence[str], tiny: bool) -> dict[str, Any]:
    """Start ``actors`` of the experiment, measure their memory, and stop them again."""
    plan = plan_for(stage_for(experiment, changes, tiny), seed=0)
    weights = {name: w.numpy() for name, w in plan.agent("learner").acting_weights().items()}
    with tempfile.TemporaryDirectory() as folder, ray_session(None, cpus=actors + 1):
        server = ray.remote(ReplayServer).options(num_cpus=0)
        replay = server.remote(plan, "localhost", None, Path(folder))
        address = ray.get(replay.serve.remote(None))
        started = time.perf_counter()
        worker = ray.remote(ActorWorker).options(num_cpus=1)
        handles = [worker.remote(plan, i, address, 0) for i in range(actors)]
        where = ray.get([handle.whereabouts.remote() for handle in handles])
        ready = time.perf_counter() - started
        steps = [r.env_steps for r in ray.get([h.act.remote(weights, 0) for h in handles])]
        private = [_private(psutil.Process(w.pid)) / MB for w in where]
        everything = psutil.Process().children(recursive=True)
        total = sum(_private(process) for process in everything) / MB
        server_pid = ray.get(replay.whereabouts.remote()).pid
        return {
            "benchmark": "memory",
            "experiment": experiment,
            "actors": actors,
            "environments_per_actor": plan.stage.actors.environments,
            "startup_seconds": round(ready, 1),
            "actor_private_mb": {
                "median": round(statistics.median(private), 1),
                "most": round(max(private), 1),
                "sum": round(sum(private), 1),
            },
            "replay_server_private_mb": round(_private(psutil.Process(server_pid)) / MB, 1),
            "all_processes_private_mb": round(total, 1),
            "env_steps_taken": sum(steps),
            "targets": {"actor_private_mb": 250, "all_processes_private_mb": 12_000},
        }


def _private(process: psutil.Process) -> int:
    try:
        return process.memory_full_info().uss
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiment", default="hierarchical_kl/ball-go-to-target")
    parser.add_argument("--actors", type=int, default=32)
    parser.add_argument("--tiny", action="store_true", help="the experiment's tiny form")
    parser.add_argument("overrides", nargs="*", help="as of skill-train run, after --")
    given = parser.parse_args(arguments)
    result = measure(given.experiment, given.actors, given.overrides, given.tiny)
    print(json.dumps(result, indent=1))
    return result


if __name__ == "__main__":
    main()
