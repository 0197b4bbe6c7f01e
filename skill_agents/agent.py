"""What an algorithm is to the rest of the system: one class, one config.

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
"""What an agent remembers between two actions, each ``[B, ...]``; empty for a memoryless one."""


@dataclass(frozen=True)
class ContinuousAction:
    """Actions are float vectors; the environment takes values between ``low`` and ``high``."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def size(self) -> int:
        """Number of components."""
        return len(self.low)


@dataclass(frozen=True)
class DiscreteAction:
    """Actions are indices 0 .. count - 1."""

    count: int


@dataclass(frozen=True)
class EnvironmentSpec:
    """What an agent must know of its tasks before it can be built."""

    observation: Mapping[str, ArraySpec]
    action: ContinuousAction | DiscreteAction
    num_tasks: int = 1
    """Tasks of the family, I dynamics x J goals; task (i, j) has index ``i * J + j``."""
    num_goals: int = 1
    """J."""

    @property
    def num_dynamics(self) -> int:
        """I."""
        return self.num_tasks // self.num_goals

    def step_spec(self, extras: Mapping[str, ArraySpec]) -> Step:
        """The description of a row of replay for these tasks and an agent's ``extras``."""
        if isinstance(self.action, ContinuousAction):
            action = ArraySpec((self.action.size,))
        else:
            action = ArraySpec((), "int64")
        return step_spec(self.observation, action, extras)


class Timestep(NamedTuple):
    """What B environments show an agent before it acts; tensors ``[B, ...]``."""

    observation: Mapping[str, Tensor]
    reward: Tensor
    """Of the last action, 0 on a first row."""
    is_first: Tensor
    """bool: the episode (or trial) starts here, so state from before does not apply."""
    task: Tensor
    """int64 index of the task in its family; only agents that may know it look."""


class Acting(NamedTuple):
    """What `Agent.act` and `Skills.act` give back."""

    action: Tensor
    """``[B, A]`` float32 as drawn, or ``[B]`` int64."""
    state: ActState
    extras: Mapping[str, Tensor]
    """What goes into replay beside the action; keys and shapes as in the schema's row."""


@dataclass(frozen=True)
class Decay:
    """A learning rate that falls linearly from update ``begin`` to ``end`` and then stays."""

    begin: Index
    end: Count
    to: NonNegative = 0.1
    """What is left of it in the end, as a share of what it was."""

    def share(self, updates: int) -> float:
        """Of the learning rate, after so many updates."""
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
        """What replay keeps for the agent on ``tasks``, and how the learner draws from it."""

    @abstractmethod
    def build(self, spec: EnvironmentSpec) -> Agent:
        """The agent, freshly initialised from torch's global random state."""

    def tiny(self) -> Self:
        """The same algorithm with small networks, batches and tables, to try it out in seconds."""
        return self


class Agent(nn.Module, ABC):
    """A whole algorithm."""

    acting_parts: ClassVar[tuple[str, ...]]
    """Names of the submodules whose weights acting needs: what the learner publishes."""
    static_update: ClassVar[bool] = False
    """Whether `losses` is the same operations on the same tensors at every update, and reads no
    number that changes but out of tensors: then `learners.graphed` may capture it."""

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
        """Actions for B environments; ``explore=False`` is how the agent is evaluated.

        The agent itself clears ``state`` where ``timestep.is_first``.
        """

    def skills(self) -> Skills:
        """What of the agent can act without its task.

        Raises ValueError if it has no such notion, or one only with options (`SkillsConfig`).
        """
        raise ValueError(f"{type(self).__name__} has no skills that act without a task")

    @abstractmethod
    def parameter_groups(self) -> Mapping[str, ParameterGroup]:
        """Group name -> parameters; groups do not overlap."""

    def minibatches(self, batch: Batch) -> Iterable[Batch]:
        """What one drawn batch is cut into, one update each: the batch once unless overridden."""
        return (batch,)

    @abstractmethod
    def losses(self, batch: Batch) -> tuple[Mapping[str, Tensor], Metrics]:
        """One scalar loss for each parameter group, and metrics.

        The learner takes each loss's gradient for its own group only, all at the same parameters.
        """

    def after_step(self, step: int) -> None:
        """Called after update number ``step`` (from 1): target networks, running statistics."""

    def acting_weights(self) -> dict[str, Any]:
        """Name -> tensor of everything that acting needs, detached, on the CPU."""
        weights = {}
        for part in self.acting_parts:
            for name, tensor in self.get_submodule(part).state_dict().items():
                weights[f"{part}.{name}"] = tensor.detach().to("cpu", copy=True)
        return weights

    def load_acting_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Copy what `acting_weights` gave into this agent, in place."""
        own = self.state_dict()
        with torch.no_grad():
            for name, tensor in weights.items():
                own[name].copy_(tensor)
