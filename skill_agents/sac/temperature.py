"""The temperature of soft actor-critic: one for each task, fixed or learned."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from typing_extensions import override

from skill_train.skill_agents.ranges import NonNegative, Positive


class Temperature(nn.Module, ABC):
    """The reward of a nat of entropy: 1 / alpha_pi in papers that weigh the reward."""

    @abstractmethod
    def value(self, task: Tensor) -> Tensor:
        """Temperatures ``[N, 1]`` of tasks ``[N]``, without a gradient."""

    @abstractmethod
    def losses(self, log_prob: Tensor, task: Tensor) -> Mapping[str, Tensor]:
        """Losses of the temperature, from log densities ``[N, B]`` of actions in tasks ``[N]``.

        Empty if the temperature is fixed.
        """


class Fixed(Temperature):
    """A temperature that stays constant, the same for all tasks."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.constant: Tensor
        self.register_buffer("constant", torch.tensor(value), persistent=False)

    @override
    def value(self, task: Tensor) -> Tensor:
        return self.constant.expand(len(task), 1)

    @override
    def losses(self, log_prob: Tensor, task: Tensor) -> Mapping[str, Tensor]:
        return {}


class Learned(Temperature):
    """Temperatures that keep the entropy of each task's policy at ``target`` nats.

    Haarnoja et al. 2018b, eq. 18, by the logarithm of the temperature.
    """

    def __init__(self, num_tasks: int, initial: float, target: float) -> None:
        super().__init__()
        self.log = nn.Parameter(torch.full((num_tasks,), math.log(initial)))
        self.target = target

    @override
    def value(self, task: Tensor) -> Tensor:
        return self.log.detach().index_select(0, task).exp().unsqueeze(-1)

    def losses(self, log_prob: Tensor, task: Tensor) -> Mapping[str, Tensor]:
        """Eq. 18, summed over tasks: a temperature grows while the entropy is below the target."""
        missing = (log_prob.detach() + self.target).mean(-1)
        return {"temperature": -(self.log.index_select(0, task) * missing).sum()}


@dataclass(frozen=True)
class FixedTemperature:
    """A temperature that stays constant."""

    value: NonNegative = 0.2

    def build(self, num_tasks: int, action_size: int) -> Temperature:
        """A constant temperature for every task."""
        return Fixed(self.value)


@dataclass(frozen=True)
class LearnedTemperature:
    """Entropy held at ``nats_per_component`` for each component of an action."""

    initial: Positive = 1.0
    nats_per_component: float = -1.0  # Haarnoja et al. 2018b, appendix D: - dim(A)

    def build(self, num_tasks: int, action_size: int) -> Temperature:
        """The tasks' temperatures at their initial value."""
        return Learned(num_tasks, self.initial, self.nats_per_component * action_size)


TemperatureConfig = FixedTemperature | LearnedTemperature
