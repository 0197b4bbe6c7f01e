"""The components of a run as Ray actors: replay server, learner, actor, evaluator.

Each is driven by short calls from the supervisor and keeps nothing that a restart would lose: all
lasting state is in the run's checkpoints, which the supervisor hands to it. Only the replay server
may use a path of the run: it is on the driver's node, the others may be anywhere.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import ray
import torch

from skill_train.actors.actor import ActorReport
from skill_train.actors.evaluator import Evaluation
from skill_train.cluster.over_ray.logs import log_to_stderr, tail
from skill_train.cluster.plan.build import Plan
from skill_train.learners.allocator import keep_freed_memory
from skill_train.learners.feed import Batches, Feed
from skill_train.learners.graphed import make_learner
from skill_train.learners.learner import best_device
from skill_train.learners.loop import LearnerLoop, LearnerReport
from skill_train.replay.backend import TableInfo

if TYPE_CHECKING:
    from skill_train.replay.server import ReverbReplay

Weights = dict[str, np.ndarray]


@dataclass(frozen=True)
class Whereabouts:
    """The process behind a component."""

    pid: int
    host: str
    """Name of the process's machine."""
    node: str
    """Ray's id of that machine."""
    log: str
    """The process's log file on that machine."""


class Worker:
    """The base of all components: the place of the process and its log."""

    def __init__(self) -> None:
        self._log = log_to_stderr()

    def whereabouts(self) -> Whereabouts:
        """The process behind this component."""
        node = ray.get_runtime_context().get_node_id()
        return Whereabouts(os.getpid(), socket.gethostname(), node, self._log)

    def log(self) -> str:
        """The end of this process's log."""
        return tail(self._log)


class ReplayServer(Worker):
    """The component with the Reverb server, which never draws from it in this process.

    Its folders (``scratch``, those of `serve` and `save`) are the run's, on the driver's node, so
    this process has to be on that node too. ``host`` is the name by which the other processes reach
    the server, None its node's address in the cluster; ``port`` None takes a free one.
    """

    def __init__(self, plan: Plan, host: str | None, port: int | None, scratch: Path) -> None:
        super().__init__()
        self._plan, self._port, self._scratch = plan, port, scratch
        self._host = host or ray.util.get_node_ip_address()
        self._replay: ReverbReplay | None = None

    def serve(self, restore: Path | None) -> str:
        """Start the server with the tables of a checkpoint, or the data; returns its address."""
        from skill_train.replay.server import ReverbReplay
        from skill_train.replay.writer import ReverbWriter

        self._replay = ReverbReplay(
            self._plan.schema,
            self._port,
            host=self._host,
            restore=restore,
            scratch=self._scratch,
        )
        if restore is None and self._plan.stage.data is not None:
            writer = ReverbWriter(self._plan.schema, self._replay.address, 1)
            self._plan.fill(writer)
            writer.close()
        return self._replay.address

    def info(self) -> Mapping[str, TableInfo]:
        """State of the tables."""
        assert self._replay is not None
        return self._replay.info()

    def save(self, folder: Path) -> None:
        """Write the tables below ``folder``; no error where it has been removed meanwhile."""
        assert self._replay is not None
        try:
            self._replay.save(folder)
        except FileNotFoundError:
            if folder.parent.exists():
                raise


class LearnerWorker(Worker):
    """The component that learns, in bounded calls between which its state can be asked for."""

    def __init__(self, plan: Plan, replay_address: str) -> None:
        super().__init__()
        keep_freed_memory()
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))  # the others are for the actors
        from skill_train.replay.reader import ReverbReader

        reader = ReverbReader(plan.schema, replay_address)
        self._learner = make_learner(plan.agent("learner"), best_device())
        reader.acted_by(-1)  # nothing on-policy before `load` has set the learner's step
        feed = Feed(Batches(reader, plan.schema.draws, self._learner.device))
        self._loop = LearnerLoop(self._learner, feed, plan.schema)

    def load(self, state: Mapping[str, Any] | None) -> int:
        """Continue from a checkpoint, or start afresh; returns the learner step."""
        if state is not None:
            self._loop.load_state_dict(state)
        return self._learner.steps

    def work(self, seconds: float, updates: int) -> tuple[LearnerReport, Weights]:
        """Update until either limit; returns a report and the weights for acting.

        Raises NonFiniteLossError instead of handing out broken weights.
        """
        report = self._loop.learn(seconds, updates)
        return report, {k: v.numpy() for k, v in self._learner.acting_weights().items()}

    def state(self) -> dict[str, Any]:
        """The learner's state for a checkpoint."""
        return _to_cpu(self._learner.state_dict())


class ActorWorker(Worker):
    """The component that steps environments with the weights that come with each call."""

    def __init__(self, plan: Plan, index: int, replay_address: str, env_steps: int) -> None:
        super().__init__()
        torch.set_num_threads(1)
        from skill_train.replay.writer import ReverbWriter

        agent = plan.agent("actor", index)
        size = plan.actors.environments
        self._rounds = plan.rounds()
        # A round ends when replay has all of it; otherwise the next steps hide its answer time.
        run_ahead = size if self._rounds is None else 0
        writer = ReverbWriter(plan.schema, replay_address, size, run_ahead=run_ahead)
        self._actor = plan.actor(index, agent, writer, env_steps)
        self._index, self._steps = index, plan.actors.steps_per_refresh
        self._round: int | None = None

    def act(self, weights: Weights, version: int) -> ActorReport:
        """Act with the newest weights for as many steps as are due until the next refresh."""
        if version != self._actor.policy_version or version == 0:
            self._load(weights, version)
        return self._actor.run(self._steps)

    def collect(self, weights: Weights, version: int, number: int) -> ActorReport:
        """Begin this actor's share of round ``number`` with these weights, or continue it."""
        assert self._rounds is not None
        if number != self._round:
            self._round = number
            self._load(weights, version)
            self._actor.begin(self._rounds.share(self._index, number))
        return self._actor.collect(self._steps)

    def _load(self, weights: Weights, version: int) -> None:
        tensors = {name: torch.tensor(array) for name, array in weights.items()}
        self._actor.set_weights(tensors, version)


class EvaluatorWorker(Worker):
    """The component that plays evaluation episodes beside the training."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        torch.set_num_threads(1)
        self._plan = plan
        self._agent = plan.agent("evaluator")

    def evaluate(self, weights: Weights, episodes: int, seed: int) -> Evaluation:
        """Play episodes with these weights and no exploration."""
        self._agent.load_acting_weights({k: torch.tensor(v) for k, v in weights.items()})
        return self._plan.evaluate(self._agent.eval(), episodes, seed)


def _to_cpu(state: Any) -> Any:
    if isinstance(state, torch.Tensor):
        return state.detach().cpu()
    if isinstance(state, Mapping):
        return {key: _to_cpu(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(_to_cpu(value) for value in state)
    return state
