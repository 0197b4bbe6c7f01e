"""The components of a run as Ray actors: replay server, learner, actor, evaluator.

Each is driven by short calls from the supervisor and keeps nothing that a restart would lose:
what must outlive a process is in the run's checkpoints, which the supervisor hands to it. Only the
replay server may use a path of the run: it is on the driver's node, the others may be anywhere.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import ray
import torch

from actors.actor import ActorReport
from actors.evaluator import Evaluation
from cluster.build import Plan
from cluster.logs import log_to_stderr, tail
from learners.allocator import keep_freed_memory
from learners.feed import Batches, Feed
from learners.graphed import make_learner
from learners.learner import best_device
from replay.backend import TableInfo
from skill_agents.agent import Batch

if TYPE_CHECKING:
    from replay.server import ReverbReplay

Weights = dict[str, np.ndarray]


@dataclass(frozen=True)
class Whereabouts:
    """The process behind a component."""

    pid: int
    host: str
    """Name of its machine."""
    node: str
    """Ray's name of the same."""
    log: str
    """The file on that machine that its log goes to."""


@dataclass
class LearnerReport:
    """What the learner did in one call."""

    steps: int
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    wait_seconds: float = 0.0


class Worker:
    """What all of them share: where they are, and what they log there."""

    def __init__(self) -> None:
        self._log = log_to_stderr()

    def whereabouts(self) -> Whereabouts:
        """The component's process."""
        node = ray.get_runtime_context().get_node_id()
        return Whereabouts(os.getpid(), socket.gethostname(), node, self._log)

    def log(self) -> str:
        """The end of what this process has logged."""
        return tail(self._log)


class ReplayServer(Worker):
    """Holds the Reverb server, and never draws from it in this process.

    The folders that it is given (``scratch``, those of `serve` and `save`) are the run's, on the
    driver's node: it has to be on that node too. ``host`` is the name by which the other processes
    reach it, None its node's address in the cluster; ``port`` None takes a free one.
    """

    def __init__(self, plan: Plan, host: str | None, port: int | None, scratch: Path) -> None:
        super().__init__()
        self._plan, self._port, self._scratch = plan, port, scratch
        self._host = host or ray.util.get_node_ip_address()
        self._replay: ReverbReplay | None = None

    def serve(self, restore: Path | None) -> str:
        """Start the server, with the tables of a checkpoint or empty ones; gives its address."""
        from replay.server import ReverbReplay

        agent = self._plan.agent("replay")
        self._replay = ReverbReplay(
            agent.tables(),
            self._plan.layout(agent),
            self._plan.stage.tasks.tasks,
            agent.draws(),
            self._port,
            host=self._host,
            restore=restore,
            scratch=self._scratch,
        )
        return self._replay.address

    def info(self) -> Mapping[str, TableInfo]:
        """State of the tables."""
        assert self._replay is not None
        return self._replay.info()

    def save(self, folder: Path) -> None:
        """Write the tables below ``folder``, unless it has gone: then nobody waits any more."""
        assert self._replay is not None
        try:
            self._replay.save(folder)
        except FileNotFoundError:
            if folder.parent.exists():
                raise


class LearnerWorker(Worker):
    """Learns in calls of bounded length, so that it can be asked for its state in between."""

    def __init__(self, plan: Plan, replay_address: str) -> None:
        super().__init__()
        keep_freed_memory()
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))  # the rest is the actors'
        from replay.reader import ReverbReader

        agent = plan.agent("learner")
        reader = ReverbReader(
            replay_address,
            agent.tables(),
            plan.layout(agent),
            plan.stage.tasks.tasks,
            agent.draws(),
        )
        self._learner = make_learner(agent, best_device())
        self._feed = Feed(Batches(reader, agent.draws(), self._learner.device))

    def load(self, state: Mapping[str, Any] | None) -> int:
        """Continue from a checkpoint, or start afresh; gives the learner step."""
        if state is not None:
            self._learner.load_state_dict(state)
        return self._learner.steps

    def work(self, seconds: float, updates: int) -> tuple[LearnerReport, Weights]:
        """Update until either limit; report, and give the weights for acting.

        Raises NonFiniteLossError instead of handing out broken weights.
        """
        learner, feed = self._learner, self._feed
        started, waited = time.perf_counter(), feed.wait_seconds
        last = learner.steps + updates
        ages = []
        while learner.steps < last and (left := started + seconds - time.perf_counter()) > 0:
            batch = feed.next(timeout_s=left)
            if batch is None:
                break
            learner.update(batch)
            ages.append(learner.steps - mean_version(batch))
        metrics = learner.metrics()
        if ages:
            metrics["data_age_learner_steps"] = float(torch.stack(ages).mean())
        report = LearnerReport(
            learner.steps,
            metrics,
            time.perf_counter() - started,
            feed.wait_seconds - waited,
        )
        return report, {k: v.numpy() for k, v in learner.acting_weights().items()}

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return _to_cpu(self._learner.state_dict())


class ActorWorker(Worker):
    """Steps its environments with the weights that each call brings."""

    def __init__(self, plan: Plan, index: int, replay_address: str, env_steps: int) -> None:
        super().__init__()
        torch.set_num_threads(1)
        from replay.writer import ReverbWriter

        agent = plan.agent("actor", index)
        size = plan.stage.actors.environments
        writer = ReverbWriter(
            replay_address, agent.tables(), plan.layout(agent), size, run_ahead=size
        )
        self._actor = plan.actor(index, agent, writer, env_steps)
        self._steps = plan.stage.actors.steps_per_refresh

    def act(self, weights: Weights, version: int) -> ActorReport:
        """Take the newest weights, then the steps until the next look."""
        if version != self._actor.policy_version or version == 0:
            tensors = {name: torch.tensor(array) for name, array in weights.items()}
            self._actor.set_weights(tensors, version)
        return self._actor.run(self._steps)


class EvaluatorWorker(Worker):
    """Plays evaluation episodes beside the training."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        torch.set_num_threads(1)
        self._plan = plan
        self._agent = plan.agent("evaluator")

    def evaluate(self, weights: Weights, episodes: int, seed: int) -> Evaluation:
        """Episodes with these weights and no exploration."""
        self._agent.load_acting_weights({k: torch.tensor(v) for k, v in weights.items()})
        return self._plan.evaluate(self._agent.eval(), episodes, seed)


def mean_version(batch: Batch) -> torch.Tensor:
    """The mean policy version of the rows that carry an action; padding has none.

    A scalar on the batch's device, so that asking for it does not make the learner wait.
    """
    acted = [(rows.policy_version[:-1], ~rows.is_first[1:]) for rows in batch.values()]
    means = [(version * valid).double().sum() / valid.sum() for version, valid in acted]
    return torch.stack(means).mean()


def _to_cpu(state: Any) -> Any:
    if isinstance(state, torch.Tensor):
        return state.detach().cpu()
    if isinstance(state, Mapping):
        return {key: _to_cpu(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(_to_cpu(value) for value in state)
    return state
