"""A default policy with memory: the LSTM prior that appendix A compares with.

pi0(a_t | x_t) with x_t the history of the default policy's observations and of actions.
Differs from the paper: the memory starts empty at a window's first row, so that it reaches back
through one unroll.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from typing_extensions import override

from skill_train.replay.step import Step
from skill_train.skill_agents.agent import EnvironmentSpec
from skill_train.skill_agents.hierarchical_kl.defaults import (
    DefaultConfig,
    DefaultPolicy,
    TotalKL,
    action_kl,
)
from skill_train.skill_agents.hierarchical_kl.policies import (
    Decision,
    FlatPolicyConfig,
    LowLevel,
    Policy,
    PolicyConfig,
)
from skill_train.skill_agents.nets.action_vectors import ActionVectors
from skill_train.skill_agents.nets.view import View
from skill_train.skill_agents.ranges import Count


class Memory(nn.Module):
    """An LSTM over observations and the actions before them."""

    def __init__(self, spec: EnvironmentSpec, groups: tuple[str, ...], size: int) -> None:
        super().__init__()
        self.view = View(groups, spec.observation)
        self.actions = ActionVectors(spec)
        self.cell = nn.LSTMCell(self.view.size + self.actions.size, size)

    def forward(self, rows: Step) -> Tensor:
        """The memory at each row of a window of the row's episode, ``[T, B, size]``."""
        observed = self.view(rows.observation)
        done = self.actions(rows.action, observed)
        before = torch.cat([torch.zeros_like(done[:1]), done[:-1]])
        first = rows.is_first.unsqueeze(-1)
        seen = torch.cat([observed, before.masked_fill(first, 0.0)], dim=-1)
        hidden = cell = seen.new_zeros(seen.shape[1], self.cell.hidden_size)
        states = []
        for t in range(len(seen)):
            kept = hidden.masked_fill(first[t], 0.0), cell.masked_fill(first[t], 0.0)
            hidden, cell = self.cell(seen[t], kept)
            states.append(hidden)
        return torch.stack(states)


class RecurrentKL(DefaultPolicy):
    """KL(pi || pi0) with pi0 a network on top of a `Memory`."""

    def __init__(self, memory: Memory, default: LowLevel) -> None:
        super().__init__()
        self.memory = memory
        self.default = default

    @override
    def kl(self, decision: Decision, rows: Step, age: Tensor | None) -> Tensor:
        return action_kl(decision.low, self.default(rows.observation, self.memory(rows)))


@dataclass(frozen=True)
class RecurrentDefault(DefaultConfig):
    """The LSTM default policy; the paper gives no size."""

    memory_size: Count = 100

    def build(self, spec: EnvironmentSpec, config: PolicyConfig, policy: Policy) -> TotalKL:
        """KL of the actions; raises ValueError for a policy that is not flat."""
        if not isinstance(config, FlatPolicyConfig):
            raise ValueError("RecurrentDefault needs a FlatPolicyConfig")
        memory = Memory(spec, config.default_groups, self.memory_size)
        default = config.level(spec, config.default_groups, config.default_sizes, self.memory_size)
        return TotalKL(low=RecurrentKL(memory, default))
