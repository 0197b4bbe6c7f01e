"""The interface of an algorithm to the rest of the system: one class, one config.

The actor calls `Agent.act`; replay is made and read by `AgentConfig.schema`; the learner calls
`Agent.losses` and steps one optimizer for each of `Agent.parameter_groups`. An agent holds tensors
and formulas only: no files, processes, replay or clock.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import torch
from torch import Tensor, nn

from skill_train.replay.schema import Schema
from skill_train.replay.step import ArraySpec, Step, step_spec
from skill_train.skill_agents.ranges import Count, Index, NonNegative
from skill_train.skill_agents.skills import Skills

Metrics = dict[str, Tensor]
"""Scalars by name, detached; the learner averages them."""

Batch = Mapping[str, Step]
"""Draw name -> rows as tensors ``[T+1, B, ...]`` (``[T+1, N, B, ...]`` from per-task tables)."""

ActState = dict[str, Tensor]
"""An agent's memory between two actions: name -> tensor ``[B, ...]``; empty if it has none."""


@dataclass(frozen=True)
class ContinuousAction:
    """Actions that are float vectors; the environment takes values from ``low`` to ``high``."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def size(self) -> int:
        """The number of components of an action."""
        return len(self.low)


@dataclass(frozen=True)
class DiscreteAction:
    """Actions that are indices 0 .. count - 1."""

    count: int


@dataclass(frozen=True)
class EnvironmentSpec:
    """The properties of its tasks that an agent is built from."""

    observation: Mapping[str, ArraySpec]
    action: ContinuousAction | DiscreteAction
    num_tasks: int = 1
    """Tasks of the family, I dynamics x J goals; task (i, j) has index ``i * J + j``."""
    num_goals: int = 1
    """J, the goals of the family."""

    @property
    def num_dynamics(self) -> int:
        """I, the dynamics of the family."""
        return self.num_tasks // self.num_goals

    def step_spec(self, extras: Mapping[str, ArraySpec]) -> Step:
        """The shapes and types of a row of replay, for these tasks and an agent's ``extras``."""
        if isinstance(self.action, ContinuousAction):
            action = ArraySpec((self.action.size,))
        else:
            action = ArraySpec((), "int64")
        return step_spec(self.observation, action, extras)


class Timestep(NamedTuple):
    """The input of an agent's choice of actions in B environments; tensors ``[B, ...]``."""

    observation: Mapping[str, Tensor]
    reward: Tensor
    """Reward of the last action, 0 on a first row."""
    is_first: Tensor
    """bool: whether an episode (or trial) starts here, so that earlier state does not apply."""
    task: Tensor
    """int64 index of the task in its family, for agents that may know it."""


class Acting(NamedTuple):
    """The result of `Agent.act` and `Skills.act`."""

    action: Tensor
    """Actions ``[B, A]`` float32 before any clipping, or ``[B]`` int64."""
    state: ActState
    extras: Mapping[str, Tensor]
    """Arrays for replay beside the action; keys and shapes are those of the schema's row."""


@dataclass(frozen=True)
class Decay:
    """A learning rate that falls linearly from update ``begin`` to ``end`` and then stays."""

    begin: Index
    end: Count
    to: NonNegative = 0.1
    """The final learning rate, as a share of the initial one."""

    def share(self, updates: int) -> float:
        """Share of the initial learning rate that is left after ``updates`` updates."""
        done = (updates - self.begin) / (self.end - self.begin)
        return 1.0 - (1.0 - self.to) * min(max(done, 0.0), 1.0)


class ParameterGroup(NamedTuple):
    """Parameters that one loss trains with one Adam optimizer."""

    parameters: list[nn.Parameter]
    learning_rate: float
    max_grad_norm: float | None = None
    adam_eps: float = 1e-8
    decay: Decay | None = None
    stacked: bool = False
    """Whether the first axis of every parameter counts networks that share nothing;
    ``max_grad_norm`` then bounds the gradient of each network by itself."""


@dataclass(frozen=True)
class AgentConfig(ABC):
    """Hyperparameters of one algorithm; `build` makes the agent."""

    @abstractmethod
    def schema(self, spec: EnvironmentSpec, tasks: Sequence[int]) -> Schema:
        """Replay of the agent on ``tasks``: tables, rows, and the learner's draws."""

    @abstractmethod
    def build(self, spec: EnvironmentSpec) -> Agent:
        """The agent, freshly initialised from torch's global random state."""

    def tiny(self) -> Self:
        """The same algorithm with small networks, batches and tables, to try it out in seconds."""
        return self


class Agent(nn.Module, ABC):
    """A whole algorithm: its actions and its losses."""

    acting_parts: ClassVar[tuple[str, ...]]
    """Names of the submodules whose weights acting needs; the learner publishes these."""
    static_update: ClassVar[bool] = False
    """Whether `losses` is the same operations on the same tensors at every update, every
    changing number being in a tensor, so that `learners.graphed` may capture it."""

    def initial_state(self, batch: int) -> ActState:
        """The state of ``batch`` environments before their first row."""
        return {}

    @abstractmethod
    def act(
        self,
        timestep: Timestep,
        state: ActState,
        explore: bool,
        generator: torch.Generator | None = None,
    ) -> Acting:
        """Actions for B environments; evaluation has ``explore=False``.

        The agent itself clears ``state`` where ``timestep.is_first``.
        """

    def skills(self) -> Skills:
        """The part of the agent that can act without its task.

        Raises ValueError if there is none, or none without options (`SkillsConfig`).
        """
        raise ValueError(f"{type(self).__name__} has no skills that act without a task")

    @abstractmethod
    def parameter_groups(self) -> Mapping[str, ParameterGroup]:
        """Group name -> parameters; groups do not overlap."""

    def minibatches(self, batch: Batch) -> Iterable[Batch]:
        """The parts of one drawn batch, one update each; by default the batch itself."""
        return (batch,)

    @abstractmethod
    def losses(self, batch: Batch) -> tuple[Mapping[str, Tensor], Metrics]:
        """One scalar loss for each parameter group, and metrics.

        The learner takes each loss's gradient for its own group only, all at the same parameters.
        """

    def after_step(self, step: int) -> None:
        """Finish update number ``step`` (from 1): target networks, running statistics."""

    def acting_weights(self) -> dict[str, Any]:
        """Name -> tensor of everything that acting needs, detached, on the CPU."""
        weights = {}
        for part in self.acting_parts:
            for name, tensor in self.get_submodule(part).state_dict().items():
                weights[f"{part}.{name}"] = tensor.detach().to("cpu", copy=True)
        return weights

    def load_acting_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Copy another agent's `acting_weights` into this agent, in place."""
        own = self.state_dict()
        with torch.no_grad():
            for name, tensor in weights.items():
                own[name].copy_(tensor)
