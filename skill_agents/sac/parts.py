"""Parts of soft actor-critic: the policy, the twin critics, the temperature."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from skill_train.skill_agents.agent import ContinuousAction, EnvironmentSpec
from skill_train.skill_agents.nets.squashed_gaussian import SquashedGaussian
from skill_train.skill_agents.nets.stacked_mlp import StackedMLP
from skill_train.skill_agents.nets.view import View


class Policy(nn.Module):
    """pi(u | s) with u in (-1, 1), the action before it is stretched to the task's bounds."""

    def __init__(
        self, groups: Sequence[str], sizes: Sequence[int], spec: EnvironmentSpec, action_size: int
    ) -> None:
        super().__init__()
        self.view = View(groups, spec.observation)
        layers: list[nn.Module] = []
        for inside, outside in pairwise((self.view.size, *sizes)):
            layers += [nn.Linear(inside, outside), nn.ReLU()]
        self.torso = nn.Sequential(*layers)
        self.head = nn.Linear(sizes[-1], 2 * action_size)

    def forward(self, observation: Mapping[str, Tensor]) -> SquashedGaussian:
        """Groups ``[..., *]`` to a distribution over ``[..., A]``."""
        return SquashedGaussian.of(self.head(self.torso(self.view(observation))))


class TwinCritics(nn.Module):
    """Two Q as one batched computation."""

    def __init__(
        self, groups: Sequence[str], sizes: Sequence[int], spec: EnvironmentSpec, action_size: int
    ) -> None:
        super().__init__()
        self.view = View(groups, spec.observation)
        self.nets = StackedMLP(2, self.view.size + action_size, sizes, 1, nn.ReLU)

    def forward(self, observation: Mapping[str, Tensor], u: Tensor) -> Tensor:
        """Groups ``[B, *]`` and actions ``[B, A]`` in (-1, 1) to values ``[2, B]``."""
        inputs = torch.cat([self.view(observation), u], -1)
        values: Tensor = self.nets(inputs.expand(2, *inputs.shape)).squeeze(-1)
        return values


class Bounds(nn.Module):
    """Between (-1, 1), where the networks live, and the task's bounds of its actions."""

    def __init__(self, action: object) -> None:
        """Raises ValueError unless ``action`` is continuous with finite bounds."""
        super().__init__()
        if not isinstance(action, ContinuousAction):
            raise ValueError(f"soft actor-critic needs continuous actions, not {action}")
        low, high = torch.tensor(action.low), torch.tensor(action.high)
        if not ((high - low).isfinite() & (high > low)).all():
            raise ValueError(f"soft actor-critic needs actions with finite bounds, not {action}")
        self.size = action.size
        self.middle: Tensor
        self.reach: Tensor
        self.register_buffer("middle", (low + high) / 2, persistent=False)
        self.register_buffer("reach", (high - low) / 2, persistent=False)

    def stretch(self, u: Tensor) -> Tensor:
        """From (-1, 1) to the task's bounds."""
        return self.middle + self.reach * u

    def shrink(self, action: Tensor) -> Tensor:
        """The other way."""
        return (action - self.middle) / self.reach


class Temperature(nn.Module):
    """What a nat of entropy is worth, in rewards: 1 / alpha_pi in papers that weigh the reward."""

    def value(self) -> Tensor:
        """A scalar without a gradient."""
        raise NotImplementedError

    def losses(self, log_prob: Tensor) -> Mapping[str, Tensor]:
        """What trains it, from the log density of drawn actions ``[B]``; nothing if it is fixed."""
        raise NotImplementedError


class Fixed(Temperature):
    """As it was given."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.constant: Tensor
        self.register_buffer("constant", torch.tensor(value), persistent=False)

    def value(self) -> Tensor:
        """The constant."""
        return self.constant

    def losses(self, log_prob: Tensor) -> Mapping[str, Tensor]:
        """None."""
        return {}


class Learned(Temperature):
    """Keeps the policy's entropy at ``target`` nats (Haarnoja et al. 2018b, eq. 18, by its log)."""

    def __init__(self, initial: float, target: float) -> None:
        super().__init__()
        self.log = nn.Parameter(torch.tensor(math.log(initial)))
        self.target = target

    def value(self) -> Tensor:
        """The temperature of now."""
        return self.log.detach().exp()

    def losses(self, log_prob: Tensor) -> Mapping[str, Tensor]:
        """It grows while the entropy is below the target."""
        return {"temperature": -self.log * (log_prob.detach() + self.target).mean()}


@dataclass(frozen=True)
class FixedTemperature:
    """One value throughout."""

    value: float = 0.2

    def build(self, action_size: int) -> Temperature:
        """It."""
        return Fixed(self.value)


@dataclass(frozen=True)
class LearnedTemperature:
    """Entropy held at ``nats_per_component`` for each component of an action."""

    initial: float = 1.0
    nats_per_component: float = -1.0  # Haarnoja et al. 2018b, appendix D: - dim(A)

    def build(self, action_size: int) -> Temperature:
        """It, at its initial value."""
        return Learned(self.initial, self.nats_per_component * action_size)


TemperatureConfig = FixedTemperature | LearnedTemperature
