"""Soft actor-critic with twin Q and target networks.

Plain SAC, for whoever needs a learner of one task to compare with, to collect data with, or to
choose skills with.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from skill_train.replay.tables import Draw, TableSpec, transitions
from skill_train.skill_agents.agent import (
    Acting,
    ActState,
    Agent,
    AgentConfig,
    Batch,
    EnvironmentSpec,
    Metrics,
    ParameterGroup,
    Timestep,
)
from skill_train.skill_agents.nets.targets import average_parameters
from skill_train.skill_agents.ranges import Count, Positive, Share, Sizes
from skill_train.skill_agents.sac.parts import (
    Bounds,
    LearnedTemperature,
    Policy,
    TemperatureConfig,
    TwinCritics,
)


@dataclass(frozen=True)
class SACConfig(AgentConfig):
    """Hyperparameters; the defaults are those of Haarnoja et al. 2018b, table 1."""

    groups: tuple[str, ...] = ("state",)
    policy_sizes: Sizes = (256, 256)
    critic_sizes: Sizes = (256, 256)
    temperature: TemperatureConfig = field(default_factory=LearnedTemperature)
    gamma: Share = 0.99
    policy_learning_rate: Positive = 3e-4
    q_learning_rate: Positive = 3e-4
    temperature_learning_rate: Positive = 3e-4
    target_rate: Share = 0.005
    batch_size: Count = 256
    replay_size: Count = 1_000_000
    minimum_size: Count = 1_000  # as in the authors' code
    samples_per_insert: Positive = 256.0  # an update for each environment step

    def build(self, spec: EnvironmentSpec) -> SAC:
        """The agent."""
        return SAC(self, spec)


class SAC(Agent):
    """pi, two Q, their two targets, and a temperature that is fixed or learned."""

    acting_parts = ("policy",)

    def __init__(self, config: SACConfig, spec: EnvironmentSpec) -> None:
        super().__init__()
        c = self.config = config
        self.bounds = Bounds(spec.action)
        size = self.bounds.size
        self.policy = Policy(c.groups, c.policy_sizes, spec, size)
        self.q = TwinCritics(c.groups, c.critic_sizes, spec, size)
        self.target_q = copy.deepcopy(self.q).requires_grad_(False)
        self.temperature = c.temperature.build(size)

    def act(
        self,
        timestep: Timestep,
        state: ActState,
        explore: bool,
        generator: torch.Generator | None = None,
    ) -> Acting:
        """A draw, or without ``explore`` the mode."""
        policy = self.policy(timestep.observation)
        u = policy.sample(generator) if explore else policy.mode()
        return Acting(self.bounds.stretch(u), state, {})

    def tables(self) -> tuple[TableSpec, ...]:
        """All transitions there were."""
        c = self.config
        return (
            transitions(
                "transitions",
                c.replay_size,
                min_items=c.minimum_size,
                samples_per_insert=c.samples_per_insert,
            ),
        )

    def draws(self) -> Mapping[str, Draw]:
        """Uniformly drawn transitions."""
        return {"transitions": Draw("transitions", self.config.batch_size)}

    def parameter_groups(self) -> Mapping[str, ParameterGroup]:
        """Policy, critics, and the temperature where it is learned."""
        c = self.config
        groups = {
            "policy": ParameterGroup(list(self.policy.parameters()), c.policy_learning_rate),
            "q": ParameterGroup(list(self.q.parameters()), c.q_learning_rate),
        }
        learned = list(self.temperature.parameters())
        if learned:
            groups["temperature"] = ParameterGroup(learned, c.temperature_learning_rate)
        return groups

    def losses(self, batch: Batch) -> tuple[Mapping[str, Tensor], Metrics]:
        """Haarnoja et al. 2018b, eqs. 5 to 9 and 18; rows ``[2, B]``."""
        c, rows = self.config, batch["transitions"]
        now = {name: array[0] for name, array in rows.observation.items()}
        after = {name: array[1] for name, array in rows.observation.items()}
        temperature = self.temperature.value()
        with torch.no_grad():
            policy = self.policy(after)
            u, log_prob = policy.reparameterize(torch.randn_like(policy.mean))
            future = self.target_q(after, u).amin(0) - temperature * log_prob
            target = rows.reward[0] + c.gamma * rows.discount[0] * future
        q = self.q(now, self.bounds.shrink(rows.action[0]))
        policy = self.policy(now)
        u, log_prob = policy.reparameterize(torch.randn_like(policy.mean))
        losses = {
            "policy": (temperature * log_prob - self.q(now, u).amin(0)).mean(),
            "q": (target - q).square().mean(-1).sum(),
            **self.temperature.losses(log_prob),
        }
        metrics = {
            "q": q.detach().mean(),
            "entropy_nats": -log_prob.detach().mean(),
            "temperature": temperature,
        }
        return losses, metrics

    def after_step(self, step: int) -> None:
        """Target Q <- tau Q + (1 - tau) target Q."""
        average_parameters(self.q, self.target_q, self.config.target_rate)
