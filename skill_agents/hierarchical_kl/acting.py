"""Acting by a hierarchical policy, for the off-policy and the on-policy learner alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from skill_train.replay.schema import Schema
from skill_train.replay.step import ArraySpec
from skill_train.replay.tables import Draw, TableSpec
from skill_train.skill_agents.agent import (
    Acting,
    ActState,
    Agent,
    ContinuousAction,
    DiscreteAction,
    EnvironmentSpec,
    Timestep,
)
from skill_train.skill_agents.hierarchical_kl.defaults import DefaultPolicy
from skill_train.skill_agents.hierarchical_kl.noise import Noise
from skill_train.skill_agents.hierarchical_kl.policies import Policy
from skill_train.skill_agents.hierarchical_kl.skills import default_skills
from skill_train.skill_agents.nets.gaussian import Gaussian
from skill_train.skill_agents.skills import Skills


def extras(period: int) -> Mapping[str, ArraySpec]:
    """Extras of a row: log mu(a | x), and the age in steps of a latent that is held."""
    log_prob = {"log_prob": ArraySpec(())}
    return log_prob if period == 1 else log_prob | {"age": ArraySpec((), "int32")}


def unroll_schema(
    table: TableSpec, batch_size: int, period: int, spec: EnvironmentSpec, tasks: Sequence[int]
) -> Schema:
    """Batches of unrolls from the one table, in rows with `extras`."""
    draws = {table.name: Draw(table.name, batch_size)}
    return Schema((table,), draws, spec.step_spec(extras(period)), tuple(tasks))


class HierarchicalActing(Agent):
    """An agent that draws a latent every ``period`` steps and an action at every step."""

    acting_parts = ("policy",)
    static_update = True
    policy: Policy
    default_policy: DefaultPolicy

    def __init__(
        self,
        action: ContinuousAction | DiscreteAction,
        period: int,
        noise_correlation: float,
        action_noise_correlation: float = 0.0,
    ) -> None:
        super().__init__()
        if period < 1:
            raise ValueError(f"latent_period must be at least 1 step, not {period}")
        self.period = period
        self.latent_noise = Noise("noise_correlation", noise_correlation)
        self.action_noise = Noise("action_noise_correlation", action_noise_correlation)
        self.action = action

    def initial_state(self, batch: int) -> ActState:
        """Latents and their noise, each ``[B, D]``.

        With held latents also their age in steps ``[B]``; with correlated action noise also that
        noise ``[B, A]``.
        """
        shape = (batch, self.policy.latent_size)
        state = {"latent": torch.zeros(shape), "noise": torch.zeros(shape)}
        if self.action_noise.correlation:
            assert isinstance(self.action, ContinuousAction)
            state["action_noise"] = torch.zeros(batch, self.action.size)
        if self.period > 1:
            state["age"] = torch.full((batch,), -1, dtype=torch.int32)
        return state

    def act(
        self,
        timestep: Timestep,
        state: ActState,
        explore: bool,
        generator: torch.Generator | None = None,
    ) -> Acting:
        """Actions drawn at both levels; without ``explore``, means (or the likeliest action)."""
        first = timestep.is_first
        high: Gaussian = self.policy.high(timestep.observation)
        noise = state["noise"]
        if explore:
            noise = self.latent_noise.draw(noise, first, generator)
        latent = high.reparameterize(noise) if explore else high.mean
        held: dict[str, Tensor] = {}
        if self.period > 1:
            age = (state["age"] + 1).masked_fill_(first, 0) % self.period
            new = (age == 0).unsqueeze(-1)
            noise = torch.where(new, noise, state["noise"])
            latent = torch.where(new, latent, state["latent"])
            held["age"] = age
        following = {**state, "latent": latent, "noise": noise, **held}
        low = self.policy.low(timestep.observation, latent)
        if not explore:
            action = low.mode()
        elif "action_noise" in state:
            drawn = self.action_noise.draw(state["action_noise"], first, generator)
            following["action_noise"] = drawn
            action = low.reparameterize(drawn)
        else:
            action = low.sample(generator)
        return Acting(action, following, {"log_prob": low.log_prob(action), **held})

    def skills(self) -> Skills:
        """The low level as skills, whose default latents the default policy draws."""
        return default_skills(self.policy, self.default_policy, self.period, self.action)
