"""The temperature of soft actor-critic: one for each task, fixed or learned."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from skill_train.skill_agents.ranges import NonNegative, Positive


class Temperature(nn.Module, ABC):
    """What a nat of entropy is worth, in rewards: 1 / alpha_pi in papers that weigh the reward."""

    @abstractmethod
    def value(self, task: Tensor) -> Tensor:
        """Of tasks ``[N]``, ``[N, 1]``, without a gradient."""

    @abstractmethod
    def losses(self, log_prob: Tensor, task: Tensor) -> Mapping[str, Tensor]:
        """What trains it, from the log density ``[N, B]`` of actions drawn in tasks ``[N]``.

        Nothing if it is fixed.
        """


class Fixed(Temperature):
    """One value throughout, the same for all tasks."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.constant: Tensor
        self.register_buffer("constant", torch.tensor(value), persistent=False)

    def value(self, task: Tensor) -> Tensor:
        """The constant, ``[N, 1]``."""
        return self.constant.expand(len(task), 1)

    def losses(self, log_prob: Tensor, task: Tensor) -> Mapping[str, Tensor]:
        """None."""
        return {}


class Learned(Temperature):
    """Keeps the entropy of each task's policy at ``target`` nats.

    Haarnoja et al. 2018b, eq. 18, by the logarithm of the temperature.
    """

    def __init__(self, num_tasks: int, initial: float, target: float) -> None:
        super().__init__()
        self.log = nn.Parameter(torch.full((num_tasks,), math.log(initial)))
        self.target = target

    def value(self, task: Tensor) -> Tensor:
        """The temperatures of now, ``[N, 1]``."""
        return self.log.detach().index_select(0, task).exp().unsqueeze(-1)

    def losses(self, log_prob: Tensor, task: Tensor) -> Mapping[str, Tensor]:
        """Their sum over tasks; a temperature grows while the entropy is below the target."""
        missing = (log_prob.detach() + self.target).mean(-1)
        return {"temperature": -(self.log.index_select(0, task) * missing).sum()}


@dataclass(frozen=True)
class FixedTemperature:
    """One value throughout."""

    value: NonNegative = 0.2

    def build(self, num_tasks: int, action_size: int) -> Temperature:
        """The temperature."""
        return Fixed(self.value)


@dataclass(frozen=True)
class LearnedTemperature:
    """Entropy held at ``nats_per_component`` for each component of an action."""

    initial: Positive = 1.0
    nats_per_component: float = -1.0  # Haarnoja et al. 2018b, appendix D: - dim(A)

    def build(self, num_tasks: int, action_size: int) -> Temperature:
        """The temperatures at their initial value."""
        return Learned(num_tasks, self.initial, self.nats_per_component * action_size)


TemperatureConfig = FixedTemperature | LearnedTemperature
