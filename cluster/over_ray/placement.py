"""Placement of a run's processes in a Ray cluster, and the check that they have room there.

Replay is on the driver's node, whose disk has the run's folder. The other processes may be anywhere
and see neither that disk nor one another's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from skill_train.cluster.errors import RunError

EVALUATOR: Mapping[str, Any] = {"num_cpus": 0}
ACTOR: Mapping[str, Any] = {"num_cpus": 1, "scheduling_strategy": "SPREAD"}


def replay() -> dict[str, Any]:
    """Options that place the replay server on the driver's node."""
    here = ray.get_runtime_context().get_node_id()
    strategy = NodeAffinitySchedulingStrategy(here, soft=False)
    return {"num_cpus": 0, "max_concurrency": 2, "scheduling_strategy": strategy}


def learner(restarts: int) -> dict[str, Any]:
    """Options for the learner: a GPU if the cluster has one, and a CPU in its first life.

    A restarted learner asks for no CPU: where its node was lost, the actors may hold all others.
    """
    gpus = 1 if ray.cluster_resources().get("GPU", 0) >= 1 else 0
    return {"num_cpus": 0 if restarts else 1, "num_gpus": gpus}


def refuse_small_cluster(actors: int, resources: Mapping[str, float]) -> None:
    """Raise RunError where ``resources``, those of the whole Ray cluster, have too few CPUs."""
    needed, there = actors + 1, int(resources.get("CPU", 0))
    if needed > there:
        raise RunError(
            f"this run needs {needed} CPUs ({actors} for its actors, 1 for the learner), the "
            f"cluster has {there}; lower --actors or add nodes"
        )
