"""The learner's update captured once as a CUDA graph, and replayed from then on.

An update of the papers' sizes is some hundred small kernels, and a GPU waits for Python between
them. A replayed graph launches all of them at once. It reads its batch from its own tensors, and
works in place on parameters, moments and metrics, so replaying equals updating as long as the
agent's update is the same operations each time, which `Agent.static_update` promises.

An update that cannot be captured runs one operation at a time, and a line of the log says why:
on a CPU, for an agent without that promise, where an update makes the host wait for the device,
where capturing fails, and for a batch of another shape than the captured one.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from skill_train.learners.learner import Learner
from skill_train.skill_agents.agent import Agent, Batch

log = logging.getLogger(__name__)
WARM_UP = 3
"""Updates before the capture, which allocate moments, workspaces and totals."""


class Graphs(Protocol):
    """Capture and replay of a piece of work."""

    def warm_up(self, work: Callable[[], None]) -> bool:
        """Run ``work`` uncaptured; return whether it made the host wait for the device."""

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Capture ``work`` without running it; return a function that runs it on the same tensors.

        Raises RuntimeError if ``work`` cannot be captured.
        """


def make_learner(agent: Agent, device: torch.device) -> Learner:
    """The fastest learner for this agent and device."""
    obstacle = why_not(agent, device)
    if obstacle is None:
        return GraphedLearner(agent, device, CudaGraphs(device))
    log.info("updates are not captured: %s", obstacle)
    return Learner(agent, device)


def why_not(agent: Agent, device: torch.device) -> str | None:
    """The obstacle to capturing the agent's updates, if known before the first; else None."""
    if device.type != "cuda":
        return "there is no GPU"
    if not agent.static_update:
        return f"{type(agent).__name__} does not promise it"
    if any(group.decay is not None for group in agent.parameter_groups().values()):
        return "learning rates decay, and a graph repeats a number"
    return None


class GraphedLearner(Learner):
    """A learner that replays its update as a graph.

    The first few updates, and batches that do not fit the graph, run as in `Learner`.
    """

    def __init__(self, agent: Agent, device: torch.device | str, graphs: Graphs) -> None:
        super().__init__(agent, device)
        self._graphs: Graphs | None = graphs
        self._forget()

    @property
    def captured(self) -> bool:
        """Whether updates are replayed already."""
        return self._replay is not None

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a `state_dict`; its moments are new tensors, so capture the graph anew."""
        super().load_state_dict(state)
        self._forget()

    def _forget(self) -> None:
        self._warmed_up = 0
        self._replay: Callable[[], None] | None = None
        self._inputs: Batch = {}

    def _learn(self, minibatch: Batch) -> None:
        if self._graphs is not None and self._warmed_up < WARM_UP:
            self._warm_up(self._graphs, minibatch)
            return
        if self._graphs is not None and self._replay is None:
            self._capture(self._graphs, minibatch)
        if self._replay is None or not _alike(self._inputs, minibatch):
            super()._learn(minibatch)
            return
        for mine, given in zip(_tensors(self._inputs), _tensors(minibatch), strict=True):
            mine.copy_(given, non_blocking=True)
        self._replay()

    def _warm_up(self, graphs: Graphs, minibatch: Batch) -> None:
        waited = graphs.warm_up(lambda: super(GraphedLearner, self)._learn(minibatch))
        self._warmed_up += 1
        if waited and self._warmed_up == WARM_UP:
            self._give_up("an update makes the host wait for the device")

    def _capture(self, graphs: Graphs, minibatch: Batch) -> None:
        self._inputs = {name: _copied(rows) for name, rows in minibatch.items()}
        self.optimizers.capturable(True)
        try:
            self._replay = graphs.record(lambda: super(GraphedLearner, self)._learn(self._inputs))
            log.info("updates are captured as a CUDA graph")
        except RuntimeError as error:
            self._give_up(str(error).partition("\n")[0])
        finally:
            self.optimizers.capturable(False)

    def _give_up(self, why: str) -> None:
        self._graphs, self._inputs = None, {}
        log.warning("updates are not captured: %s", why)


class CudaGraphs:
    """CUDA graphs on one device."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def warm_up(self, work: Callable[[], None]) -> bool:
        """Run ``work`` on a stream beside the current one, as a capture does."""
        current, stream = torch.cuda.current_stream(self._device), torch.cuda.Stream(self._device)
        stream.wait_stream(current)
        mode = torch.cuda.get_sync_debug_mode()
        with warnings.catch_warnings(record=True) as caught, torch.cuda.stream(stream):
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                work()
            finally:
                torch.cuda.set_sync_debug_mode(mode)
        current.wait_stream(stream)
        return any("synchronizing CUDA operation" in str(one.message) for one in caught)

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Capture ``work``; other threads, such as the feed's, may use the device meanwhile."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self._device):  # not always the current one
            generator = torch.cuda.default_generators[torch.cuda.current_device()]
            before = generator.clone_state()
            try:
                # A failed capture leaves its own stream current; this restores the old one.
                with torch.cuda.stream(torch.cuda.current_stream()):
                    self._capture(graph, work)
            except RuntimeError:
                generator.graphsafe_set_state(before)  # else it takes the capture for unfinished
                raise
        return graph.replay

    def _capture(self, graph: torch.cuda.CUDAGraph, work: Callable[[], None]) -> None:
        # torch's own stream for captures is made once, on the device that is current then.
        stream = torch.cuda.Stream(self._device)
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            work()


def _copied(value: Any) -> Any:
    """A copy of a nest of mappings and named tuples, with clones of its tensors."""
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, Mapping):
        return {name: _copied(inner) for name, inner in value.items()}
    return type(value)._make(map(_copied, value))


def _tensors(value: Any) -> Iterator[Tensor]:
    """The tensors of a nest of mappings and named tuples, in order."""
    if isinstance(value, Tensor):
        yield value
    else:
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _tensors(inner)


def _alike(ours: Any, theirs: Any) -> bool:
    """Whether a batch has the tensors, shapes and types of the captured one."""
    ours, theirs = list(_tensors(ours)), list(_tensors(theirs))
    return len(ours) == len(theirs) and all(
        a.shape == b.shape and a.dtype == b.dtype for a, b in zip(ours, theirs, strict=True)
    )
