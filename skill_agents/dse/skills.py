"""A trained DSE policy as skills: g is the choice, z stays at the mean of one dynamics (section 6).

The choice is one of a few points in the space of goals, or any point in a box.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override

from skill_train.skill_agents.agent import (
    Acting,
    ActState,
    Agent,
    ContinuousAction,
    DiscreteAction,
    Timestep,
)
from skill_train.skill_agents.dse.embeddings import Disentangled
from skill_train.skill_agents.dse.reinforce import Reinforce
from skill_train.skill_agents.dse.sac import DSESAC
from skill_train.skill_agents.nets.view import groups_of
from skill_train.skill_agents.ranges import Index, NonNegative
from skill_train.skill_agents.skills import Skills, SkillsConfig


class GoalLatents:
    """pi(a | s, z, g) with z fixed."""

    def __init__(self, agent: Agent, dynamics: int) -> None:
        """Raise ValueError unless ``agent`` has disentangled embeddings and that dynamics."""
        if not isinstance(agent, Reinforce | DSESAC) or not isinstance(
            agent.embedding, Disentangled
        ):
            raise ValueError(
                "skills are made of a DSE agent with an embedding of its own for goals, not of "
                f"{type(agent).__name__}"
            )
        embedding = agent.embedding
        count = len(embedding.dynamics.mean)
        if not 0 <= dynamics < count:
            raise ValueError(f"there is no dynamics {dynamics}; the agent knows {count}")
        self.agent = agent
        self.z = embedding.dynamics.mean[dynamics].detach().clone()
        self.means = embedding.goal.mean.detach().clone()
        """Means ``[J, G]`` of q(g | j)."""

    @torch.no_grad()
    def act(
        self, observation: Mapping[str, Tensor], g: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        """Actions for latents ``[B, G]``, as the trained agent is evaluated."""
        latent = torch.cat([self.z.expand(len(g), -1), g], -1)
        return self.agent.act_at(observation, latent, generator)


class GoalSkills(Skills):
    """A trained policy at latents that are chosen.

    By default an episode has one choice, drawn uniformly: a goal lasts as long as a task.
    """

    def __init__(
        self, latents: GoalLatents, action: ContinuousAction | DiscreteAction, unchosen: Tensor
    ) -> None:
        """Begin with ``unchosen``, which is any choice: ``[C]`` or a single index."""
        self.action = action
        self.groups = groups_of(latents.agent.policy)
        self._latents, self._unchosen = latents, unchosen

    def initial_state(self, batch: int) -> ActState:
        """The last choice, ``[B, C]`` or ``[B]``."""
        return {"choice": self._unchosen.expand(batch, *self._unchosen.shape)}

    def act(
        self,
        timestep: Timestep,
        choice: Tensor,
        state: ActState,
        generator: torch.Generator | None = None,
    ) -> Acting:
        """Actions at latents ``[B, C]``, or at the points of indices ``[B]``."""
        action = self._latents.act(timestep.observation, self.latent(choice), generator)
        return Acting(action, {"choice": choice}, {})

    def draw(
        self, timestep: Timestep, state: ActState, generator: torch.Generator | None = None
    ) -> Tensor:
        """A new choice where an episode begins, the last one elsewhere."""
        last, first = state["choice"], timestep.is_first
        fresh = self.uniform(len(first), generator)
        return torch.where(first.reshape(-1, *[1] * (last.dim() - 1)), fresh, last)

    @abstractmethod
    def latent(self, choice: Tensor) -> Tensor:
        """The latents ``[B, G]`` that choices stand for."""

    @abstractmethod
    def uniform(self, batch: int, generator: torch.Generator | None) -> Tensor:
        """Choices drawn uniformly, ``[B, C]`` or indices ``[B]``."""


class LatentPoints(GoalSkills):
    """One of K latents: `points` ``[K, G]``."""

    def __init__(self, latents: GoalLatents, points: Tensor) -> None:
        super().__init__(latents, DiscreteAction(len(points)), torch.tensor(0))
        self.points = points

    @override
    def latent(self, choice: Tensor) -> Tensor:
        return self.points[choice]

    @override
    def uniform(self, batch: int, generator: torch.Generator | None) -> Tensor:
        return torch.randint(len(self.points), (batch,), generator=generator)


class LatentBox(GoalSkills):
    """Any latent between two corners."""

    def __init__(self, latents: GoalLatents, low: Tensor, high: Tensor) -> None:
        action = ContinuousAction(tuple(low.tolist()), tuple(high.tolist()))
        super().__init__(latents, action, (low + high) / 2.0)
        self._low, self._high = low, high

    @override
    def latent(self, choice: Tensor) -> Tensor:
        return choice

    @override
    def uniform(self, batch: int, generator: torch.Generator | None) -> Tensor:
        share = torch.rand(batch, len(self._low), generator=generator)
        return self._low + share * (self._high - self._low)


def points_between(means: Tensor) -> Tensor:
    """The means ``[J, G]`` of goals in their order, then the midpoints of neighbours."""
    return torch.cat([means, (means[1:] + means[:-1]) / 2.0])


@dataclass(frozen=True)
class LatentPointsConfig(SkillsConfig):
    """Three means and two interpolations, as in section 6.1.

    The paper's interpolations are places in its own latent space; ours are the midpoints of
    neighbouring goals, which any trained agent has.
    """

    dynamics: Index
    """Index of the dynamics whose mean is z."""

    @override
    def build(self, agent: Agent) -> Skills:
        latents = GoalLatents(agent, self.dynamics)
        return LatentPoints(latents, points_between(latents.means))


@dataclass(frozen=True)
class LatentBoxConfig(SkillsConfig):
    """The box around the goals' means, larger by ``margin`` of its size on every side."""

    dynamics: Index
    """Index of the dynamics whose mean is z."""
    margin: NonNegative = 0.25  # not given

    @override
    def build(self, agent: Agent) -> Skills:
        latents = GoalLatents(agent, self.dynamics)
        low, high = latents.means.amin(0), latents.means.amax(0)
        reach = self.margin * (high - low)
        return LatentBox(latents, low - reach, high + reach)
