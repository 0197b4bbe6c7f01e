"""A trained low level as skills: the choice is the latent that it follows.

By default the default policy's high level chooses: z_t ~ pi0_H(. | z_{t-1}).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from typing_extensions import override

from skill_train.skill_agents.agent import (
    Acting,
    ActState,
    Agent,
    ContinuousAction,
    DiscreteAction,
    Timestep,
)
from skill_train.skill_agents.hierarchical_kl.defaults import DefaultPolicy, HighLevelKL, LowLevelKL
from skill_train.skill_agents.hierarchical_kl.latent_prior import LatentVariableKL
from skill_train.skill_agents.hierarchical_kl.policies import Policy
from skill_train.skill_agents.hierarchical_kl.priors import Prior
from skill_train.skill_agents.nets.view import groups_of
from skill_train.skill_agents.ranges import Positive
from skill_train.skill_agents.skills import Skills, SkillsConfig


class LowLevelSkills(Skills):
    """A low level that follows the latents it is given, each for ``period`` steps.

    A choice counts where a latent's period begins; in between it is ignored. The action is the low
    level's mean, or the likeliest, as in evaluation: its noise was exploration, which is now the
    choosing agent's.
    """

    action: ContinuousAction

    def __init__(
        self, low: nn.Module, prior: Prior, latent_size: int, period: int, reach: float = math.inf
    ) -> None:
        """Bound the latents to ``-reach`` .. ``reach`` in every component."""
        self.action = ContinuousAction((-reach,) * latent_size, (reach,) * latent_size)
        self.groups = groups_of(low)
        self.low, self.prior, self.period = low, prior, period

    def within(self, reach: float) -> LowLevelSkills:
        """The same skills with latents in a box."""
        return LowLevelSkills(self.low, self.prior, self.action.size, self.period, reach)

    def initial_state(self, batch: int) -> ActState:
        """The latent in force ``[B, D]`` and its age in steps ``[B]``."""
        latent = torch.zeros(batch, self.action.size)
        return {"latent": latent, "age": torch.full((batch,), -1, dtype=torch.int32)}

    def act(
        self,
        timestep: Timestep,
        choice: Tensor,
        state: ActState,
        generator: torch.Generator | None = None,
    ) -> Acting:
        """Actions that follow latents ``[B, D]``."""
        age = (state["age"] + 1).masked_fill(timestep.is_first, 0) % self.period
        latent = torch.where((age == 0).unsqueeze(-1), choice, state["latent"])
        action = self.low(timestep.observation, latent).mode()
        return Acting(action, {"latent": latent, "age": age}, {})

    def draw(
        self, timestep: Timestep, state: ActState, generator: torch.Generator | None = None
    ) -> Tensor:
        """Latents drawn from pi0_H given those in force."""
        latent: Tensor = self.prior(state["latent"], timestep.is_first).sample(generator)
        return latent


class ActionSkills(Skills):
    """A flat default policy, which has no latents: the choice is the action, and pi0 draws it."""

    def __init__(self, default: nn.Module, action: ContinuousAction | DiscreteAction) -> None:
        self.action = action
        self.groups = groups_of(default)
        self.default = default

    def act(
        self,
        timestep: Timestep,
        choice: Tensor,
        state: ActState,
        generator: torch.Generator | None = None,
    ) -> Acting:
        """The chosen actions, ``[B, A]`` or ``[B]``."""
        return Acting(choice, state, {})

    def draw(
        self, timestep: Timestep, state: ActState, generator: torch.Generator | None = None
    ) -> Tensor:
        """Actions drawn from pi0."""
        no_latent = torch.zeros(len(timestep.is_first), 0)
        action: Tensor = self.default(timestep.observation, no_latent).sample(generator)
        return action


def default_skills(
    policy: Policy,
    default_policy: DefaultPolicy,
    period: int,
    action: ContinuousAction | DiscreteAction,
) -> Skills:
    """The default policy as skills: pi0_L, which is pi_L where they are shared.

    A default policy with its own latents (appendix A) follows those. Raises ValueError if there is
    no default policy, or one that cannot act by itself.
    """
    high, low = getattr(default_policy, "high", None), getattr(default_policy, "low", None)
    if isinstance(low, LatentVariableKL):
        return LowLevelSkills(low.default, low.prior, low.latent_size, period)
    if isinstance(high, HighLevelKL):
        level = low.default if isinstance(low, LowLevelKL) else policy.low
        return LowLevelSkills(level, high.prior, policy.latent_size, period)
    if isinstance(low, LowLevelKL) and not policy.latent_size:
        return ActionSkills(low.default, action)
    raise ValueError("the agent has no default policy that could act by itself")


@dataclass(frozen=True)
class LowLevelConfig(SkillsConfig):
    """The latents of a hierarchical-KL agent's low level as actions, in a box around 0."""

    reach: Positive = 2.0
    """Half the width of the box. Not in the paper. pi0_H is N(0, 1) in every component, and 95% of
    it lie within 2: the low level has hardly seen latents further out, and uniform ones spread
    about as widely as pi0_H's (a standard deviation of 1.15)."""

    @override
    def build(self, agent: Agent) -> Skills:
        skills = agent.skills()
        if not isinstance(skills, LowLevelSkills):
            raise ValueError(
                "skills by latents are made of an agent with a low level that follows latents, "
                f"which this {type(agent).__name__} has not"
            )
        return skills.within(self.reach)
