"""p(tau | m): the likelihood of every transition i of a trial under every sampled embedding m_t.

All (t, i) pairs of a batch are one computation. ``[S, T, B]``: S embeddings, T transitions of the
same trial. Where the network is an MLP over (m, transition), its first layer is the sum of a
function of m and one of the transition, computed once for each instead of once for each pair.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

from skill_train.replay.step import Step
from skill_train.skill_agents.agent import EnvironmentSpec
from skill_train.skill_agents.nets.view import View
from skill_train.skill_agents.ranges import NonNegative, Positive, Sizes
from skill_train.skill_agents.vate.trajectory import ARRIVED, STATE, ActionCode


class DecoderConfig(ABC):
    """The choice of a decoder; `build` makes it."""

    @abstractmethod
    def build(self, spec: EnvironmentSpec, embedding_size: int) -> nn.Module:
        """A module that maps (m ``[S, B, D]``, rows ``[T+1, B]``) to log p ``[S, T, B]``."""


@dataclass(frozen=True)
class CellRewardConfig(DecoderConfig):
    """p(reward is the goal's | m) for every cell at once, as in the public implementation.

    For tasks whose ``arrived`` is the one-hot code of a cell and whose reward is above
    ``threshold`` exactly on the goal. Of a network over (m, cell), the last layer alone sees the
    cell, so one pass for each m answers for all.
    """

    sizes: Sizes = (32, 32)  # public implementation
    threshold: float = 0.5

    @override
    def build(self, spec: EnvironmentSpec, embedding_size: int) -> CellReward:
        cells = prod(spec.observation["arrived"].shape)
        return CellReward(embedding_size, self.sizes, cells, self.threshold)


class CellReward(nn.Module):
    """The decoder of `CellRewardConfig`."""

    def __init__(
        self, embedding_size: int, sizes: tuple[int, ...], cells: int, threshold: float
    ) -> None:
        super().__init__()
        self.network = _layers((embedding_size, *sizes, cells))
        self.threshold = threshold

    def forward(self, embedding: Tensor, rows: Step) -> Tensor:
        """log p of every reward of the trial under every m, ``[S, T, B]``."""
        cell = rows.observation["arrived"][1:].argmax(-1)  # [T, B]
        on_goal = (rows.reward[:-1] > self.threshold).float()
        log_odds = self.network(embedding)  # [S, B, cells]
        pairs = (len(log_odds), *cell.shape)
        visited = log_odds.gather(2, cell.T.expand(pairs[0], -1, -1)).transpose(1, 2)
        return -F.binary_cross_entropy_with_logits(visited, on_goal.expand(pairs), reduction="none")

    def goal_probability(self, embedding: Tensor) -> Tensor:
        """p(goal reward) of every cell ``[..., cells]``: figure 3."""
        return torch.sigmoid(self.network(embedding))


@dataclass(frozen=True)
class RewardAndTransitionConfig(DecoderConfig):
    """p(r_i | s_i, a_i, s_{i+1}, m) and p(s_{i+1} | s_i, a_i, m), eq. 6, as Gaussians.

    Both have unit variance in units of ``reward_scale`` and ``transition_scale``, and transitions
    are predicted as differences. A weight of 0 leaves one out.
    """

    sizes: Sizes = (64, 32)
    reward_weight: NonNegative = 1.0
    transition_weight: NonNegative = 1.0
    reward_scale: Positive = 1.0
    transition_scale: Positive = 1.0

    @override
    def build(self, spec: EnvironmentSpec, embedding_size: int) -> RewardAndTransition:
        return RewardAndTransition(self, spec, embedding_size)


class RewardAndTransition(nn.Module):
    """The decoder of `RewardAndTransitionConfig`."""

    def __init__(
        self, config: RewardAndTransitionConfig, spec: EnvironmentSpec, embedding_size: int
    ) -> None:
        super().__init__()
        self.config = config
        self.state, self.arrived = View(STATE, spec.observation), View(ARRIVED, spec.observation)
        self.code = ActionCode(spec)
        known = self.state.size + self.code.size
        self.reward = PairMLP(embedding_size, known + self.arrived.size, config.sizes, 1)
        self.transition = PairMLP(embedding_size, known, config.sizes, self.arrived.size)

    def forward(self, embedding: Tensor, rows: Step) -> Tensor:
        """log p of every transition of the trial under every m, less constants, ``[S, T, B]``."""
        c = self.config
        now, after = rows.map(lambda leaf: leaf[:-1]), rows.map(lambda leaf: leaf[1:])
        state, arrived = self.state(now.observation), self.arrived(after.observation)
        known = torch.cat([state, self.code(now.action)], -1)
        log_p = torch.zeros(())
        if c.reward_weight:
            predicted = self.reward(embedding, torch.cat([known, arrived], -1)).squeeze(-1)
            error = (predicted - rows.reward[:-1] / c.reward_scale).square()
            log_p = log_p - 0.5 * c.reward_weight * error
        if c.transition_weight:
            predicted = self.transition(embedding, known)
            error = (predicted - (arrived - state) / c.transition_scale).square().sum(-1)
            log_p = log_p - 0.5 * c.transition_weight * error
        return log_p


class PairMLP(nn.Module):
    """An MLP over every pair of an embedding and a transition of the same trial."""

    def __init__(
        self, embedding_size: int, input_size: int, sizes: tuple[int, ...], output_size: int
    ) -> None:
        super().__init__()
        self.of_embedding = nn.Linear(embedding_size, sizes[0])
        self.of_transition = nn.Linear(input_size, sizes[0], bias=False)
        self.rest = _layers((*sizes, output_size))

    def forward(self, embedding: Tensor, transition: Tensor) -> Tensor:
        """``[S, B, D]`` and ``[T, B, X]`` to ``[S, T, B, output_size]``."""
        first = self.of_embedding(embedding).unsqueeze(1) + self.of_transition(transition)
        out: Tensor = self.rest(F.elu(first))
        return out


def _layers(sizes: tuple[int, ...]) -> nn.Sequential:
    """Linear layers with ELU between them."""
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.ELU()]
    return nn.Sequential(*layers[:-1])
