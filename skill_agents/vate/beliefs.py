"""The policy's belief over the task: a Gaussian (VATE), a vector (RL2), or the task itself.

A belief is recurrent state while acting and a function of whole trials while learning; both give
the same numbers. At the first row of a trial the memory is empty: h_0 = 0. The heads have no bias,
so an untouched task's Gaussian belief is N(0, I), the prior of eq. 5, exactly and at any time of
training.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

from skill_train.replay.step import Step
from skill_train.skill_agents.agent import ActState, EnvironmentSpec, Timestep
from skill_train.skill_agents.nets.gaussian import Gaussian
from skill_train.skill_agents.ranges import Count
from skill_train.skill_agents.vate.trajectory import ActionCode, Experience

LARGEST_LOG_VARIANCE = 6.0
"""Bound of a belief's log-variance on both sides, far beyond what a trained one needs."""


class BeliefConfig(ABC):
    """The choice of a belief; `build` makes it."""

    @abstractmethod
    def build(self, spec: EnvironmentSpec) -> Belief:
        """The belief, freshly initialised."""


class Belief(nn.Module, ABC):
    """A belief over the task: ``size`` numbers for the policy, at every row of a trial."""

    size: int

    @abstractmethod
    def initial_state(self, batch: int) -> ActState:
        """The state of ``batch`` environments before their first row."""

    @abstractmethod
    def step(self, timestep: Timestep, state: ActState) -> tuple[Tensor, ActState]:
        """The current belief ``[B, size]``, and the state, to which `acted` adds the action."""

    def acted(self, state: ActState, action: Tensor) -> ActState:
        """The state after ``action`` was chosen."""
        return state

    @abstractmethod
    def unroll(self, *batches: Step) -> list[Tensor]:
        """The belief at every row of whole trials, ``[T+1, B, size]`` for each batch of them.

        All batches have the same T; they are one computation, whose cost is its T steps.
        """


class RecurrentBelief(Belief):
    """A GRU over experience, and ``size`` linear functions of its memory without a bias."""

    def __init__(self, spec: EnvironmentSpec, size: int, embedding: int, memory: int) -> None:
        super().__init__()
        self.size, self.memory = size, memory
        self.experience = Experience(spec)
        self.code = ActionCode(spec)
        self.embed = nn.Linear(self.experience.size, embedding)
        self.gru = nn.GRU(embedding, memory)
        self.head = nn.Linear(memory, size, bias=False)
        for name, parameter in self.gru.named_parameters():  # as in the public implementation
            nn.init.zeros_(parameter) if "bias" in name else nn.init.orthogonal_(parameter)

    def initial_state(self, batch: int) -> ActState:
        """The state before a first row: an empty memory."""
        memory, action = torch.zeros(batch, self.memory), torch.zeros(batch, self.code.size)
        return {"memory": memory, "action": action}

    def step(self, timestep: Timestep, state: ActState) -> tuple[Tensor, ActState]:
        """Add the last action and its reward to the memory; a new trial empties the memory."""
        seen = F.elu(self.embed(self.experience.of_timestep(timestep, state["action"])))
        memory = self.gru(seen.unsqueeze(0), state["memory"].unsqueeze(0))[0].squeeze(0)
        memory = torch.where(timestep.is_first.unsqueeze(-1), 0.0, memory)
        return self.of_memory(memory), {**state, "memory": memory}

    def acted(self, state: ActState, action: Tensor) -> ActState:
        """Keep the action in the state until its reward is known."""
        return {**state, "action": self.code(action)}

    def unroll(self, *batches: Step) -> list[Tensor]:
        """Beliefs from a memory that is empty at row 0, where the trial starts."""
        experience = [self.experience.of_rows(rows) for rows in batches]
        memory, _ = self.gru(F.elu(self.embed(torch.cat(experience, 1))))
        belief = self.of_memory(torch.cat([torch.zeros_like(memory[:1]), memory]))
        return list(belief.split([part.shape[1] for part in experience], 1))

    def of_memory(self, memory: Tensor) -> Tensor:
        """The belief ``[..., size]`` at memories ``[..., memory]``."""
        belief: Tensor = self.head(memory)
        return belief


class GaussianBelief(RecurrentBelief):
    """q(m | tau_:t), its mean and log-variance side by side."""

    def of_memory(self, memory: Tensor) -> Tensor:
        """The belief with a bounded log-variance, so that no KL overflows."""
        mean, log_variance = self.head(memory).chunk(2, dim=-1)
        bound = LARGEST_LOG_VARIANCE
        return torch.cat([mean, bound * torch.tanh(log_variance / bound)], -1)


def gaussian_of(belief: Tensor) -> Gaussian:
    """The distribution ``[..., size / 2]`` of a `GaussianBelief` ``[..., size]``."""
    mean, log_variance = belief.chunk(2, dim=-1)
    return Gaussian(mean, (0.5 * log_variance).exp())


@dataclass(frozen=True)
class GaussianBeliefConfig(BeliefConfig):
    """The belief of VATE."""

    size: Count = 10  # section 5
    embedding: Count = 32
    memory: Count = 64  # the public implementation's

    @override
    def build(self, spec: EnvironmentSpec) -> GaussianBelief:
        return GaussianBelief(spec, 2 * self.size, self.embedding, self.memory)


@dataclass(frozen=True)
class DeterministicBeliefConfig(BeliefConfig):
    """RL2: "a similar architecture, but with deterministic m and no decoder" (section 5)."""

    size: Count = 10  # section 5; 64 is the other
    embedding: Count = 32
    memory: Count = 64

    @override
    def build(self, spec: EnvironmentSpec) -> RecurrentBelief:
        return RecurrentBelief(spec, self.size, self.embedding, self.memory)


class KnownTask(Belief):
    """The oracle: the task's index, one-hot."""

    def __init__(self, num_tasks: int) -> None:
        super().__init__()
        self.size = num_tasks

    @override
    def initial_state(self, batch: int) -> ActState:
        return {}

    def step(self, timestep: Timestep, state: ActState) -> tuple[Tensor, ActState]:
        """The task's index, one-hot, and the empty state."""
        return F.one_hot(timestep.task, self.size).float(), state

    def unroll(self, *batches: Step) -> list[Tensor]:
        """The task's index at a trial's first row, one-hot at every row."""
        tasks = [rows.task[:1].long().expand(len(rows.task), -1) for rows in batches]
        return [F.one_hot(task, self.size).float() for task in tasks]


@dataclass(frozen=True)
class KnownTaskConfig(BeliefConfig):
    """The oracle's belief, for the tasks that it is trained on."""

    @override
    def build(self, spec: EnvironmentSpec) -> KnownTask:
        return KnownTask(spec.num_tasks)
