"""Time of an update of DSE-SAC with all tasks' critics stacked, against a loop over the tasks.

    python -m benchmarks.speed.dse_stacked --repeats 7 --threads 2

Both start from the same parameters and learn from the same batch with the same noise, in turns in
one process, through the same optimizers; the difference of their losses and parameters after three
updates is printed with the times. Nine tasks are the 3x3 Reacher with table 2's batch; 36 are a 6x6
grid of it. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from benchmarks.speed.dse_loop import LoopedDSESAC, network
from skill_train.learners.allocator import keep_freed_memory
from skill_train.learners.learner import Learner
from skill_train.replay.step import ArraySpec, Step
from skill_train.skill_agents.agent import ContinuousAction, EnvironmentSpec
from skill_train.skill_agents.dse.sac import DSESAC, DSESACConfig

SEED = 0


def arm(num_tasks: int, num_goals: int) -> EnvironmentSpec:
    """The spec of Reacher's spaces in a grid of tasks."""
    action = ContinuousAction((-1.0,) * 2, (1.0,) * 2)
    return EnvironmentSpec({"state": ArraySpec((8,))}, action, num_tasks, num_goals)


def transitions(num_tasks: int, batch: int, device: str) -> Step:
    """Random rows ``[2, N, B]``."""
    generator = torch.Generator().manual_seed(SEED)

    def drawn(*more: int) -> torch.Tensor:
        return torch.randn(2, num_tasks, batch, *more, generator=generator).to(device)

    zero = torch.zeros(2, num_tasks, batch, device=device)
    return Step(
        observation={"state": drawn(8)},
        action=torch.tanh(drawn(2)),
        reward=drawn(),
        discount=torch.ones_like(zero),
        is_first=zero.bool(),
        task=torch.arange(num_tasks, device=device)[:, None].expand(2, num_tasks, batch).int(),
        policy_version=zero.long(),
        extras={},
    )


def learners(
    config: DSESACConfig, num_tasks: int, num_goals: int, device: str
) -> tuple[Learner, Learner]:
    """The pair of learners (stacked, looped) with the same parameters."""
    torch.manual_seed(SEED)
    agent = DSESAC(config, arm(num_tasks, num_goals))
    looped = LoopedDSESAC(agent)
    return Learner(agent, device), Learner(looped, device)


def largest_difference(config: DSESACConfig, num_tasks: int, num_goals: int) -> float:
    """The largest relative difference of parameters after three updates in float64."""
    stacked, looped = learners(config, num_tasks, num_goals, "cpu")
    rows = transitions(num_tasks, 8, "cpu")
    floats = ("observation", "action", "reward", "discount")
    for learner in (stacked, looped):
        learner.agent.double()
        torch.manual_seed(SEED)
        for _ in range(3):
            wide = {
                name: {"state": leaf["state"].double()} if name == "observation" else leaf.double()
                for name, leaf in rows._asdict().items()
                if name in floats
            }
            learner.update({"transitions": rows._replace(**wide)})
    ours, theirs = stacked.agent, looped.agent
    assert isinstance(ours, DSESAC) and isinstance(theirs, LoopedDSESAC)
    pairs = [
        *zip(ours.policy.parameters(), theirs.policy.parameters(), strict=True),
        *zip(ours.embedding.parameters(), theirs.embedding.parameters(), strict=True),
    ]
    for n in range(num_tasks):
        for stack, row, plain in (
            (ours.q, n, theirs.q1[n]),
            (ours.q, n + num_tasks, theirs.q2[n]),
            (ours.value, n, theirs.value[n]),
            (ours.target_value, n, theirs.target_value[n]),
        ):
            same = network(stack.nets, row)
            pairs += zip(same.parameters(), plain.parameters(), strict=True)
    gaps = [float(((a - b).abs().max() / b.abs().max()).detach()) for a, b in pairs]
    return max(gaps)


def measure(
    config: DSESACConfig, num_tasks: int, num_goals: int, seconds: float, repeats: int, device: str
) -> dict[str, Any]:
    """The milliseconds of one update of each side, and their ratio within each round."""
    sides = dict(
        zip(("stacked", "looped"), learners(config, num_tasks, num_goals, device), strict=True)
    )
    batch = {"transitions": transitions(num_tasks, config.batch_per_task, device)}
    for side in sides.values():
        side.update(batch)
    rounds = [
        {name: _milliseconds(lambda s=side: s.update(batch), seconds, device)  # type: ignore[misc]
         for name, side in sides.items()}
        for _ in range(repeats)
    ]  # fmt: skip
    ratios = [one["looped"] / one["stacked"] for one in rounds]
    return {
        "milliseconds": {
            name: round(statistics.median(one[name] for one in rounds), 3) for name in sides
        },
        "looped_over_stacked": round(statistics.median(ratios), 3),
        "of_each_round": [round(ratio, 3) for ratio in ratios],
        "largest_difference": largest_difference(config, num_tasks, num_goals),
    }


def _milliseconds(update: Callable[[], None], seconds: float, device: str) -> float:
    updates, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds or not updates:
        update()
        updates += 1
        if device != "cpu":
            torch.cuda.synchronize()
    return 1000.0 * passed / updates


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure both sides and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="of each side in each round")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--grids", type=int, nargs="+", default=[3, 6], help="3: 3x3 tasks")
    parser.add_argument("--batch-per-task", type=int, default=DSESACConfig().batch_per_task)
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    keep_freed_memory()
    config = DSESACConfig(batch_per_task=given.batch_per_task)
    result = {
        "benchmark": "dse_stacked",
        "device": given.device,
        "threads": given.threads,
        "torch": torch.__version__,
        "batch_per_task": given.batch_per_task,
        "tasks": {
            side * side: measure(
                config, side * side, side, given.seconds, given.repeats, given.device
            )
            for side in given.grids
        },
    }
    print(json.dumps(result, indent=1))
    return result


if __name__ == "__main__":
    main()
