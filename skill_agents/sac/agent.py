"""Soft actor-critic with twin Q and target networks: N stacked learners, one for each task.

One task is N = 1, plain SAC: a learner to compare with, to collect data with, or to choose skills
with.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor
from typing_extensions import override

from skill_train.skill_agents.agent import (
    Acting,
    ActState,
    Batch,
    EnvironmentSpec,
    Metrics,
    ParameterGroup,
    Timestep,
)
from skill_train.skill_agents.nets.stacked_mlp import one_row_each
from skill_train.skill_agents.nets.targets import average_parameters
from skill_train.skill_agents.ranges import Positive, Sizes
from skill_train.skill_agents.sac.parts import Bounds, Critics, Policy
from skill_train.skill_agents.sac.temperature import LearnedTemperature, TemperatureConfig
from skill_train.skill_agents.sac.transition_agent import TransitionAgent, TransitionAgentConfig


@dataclass(frozen=True)
class SACConfig(TransitionAgentConfig):
    """Hyperparameters; the defaults are those of Haarnoja et al. 2018b, table 1."""

    groups: tuple[str, ...] = ("state",)
    policy_sizes: Sizes = (256, 256)
    critic_sizes: Sizes = (256, 256)
    temperature: TemperatureConfig = field(default_factory=LearnedTemperature)
    policy_learning_rate: Positive = 3e-4
    q_learning_rate: Positive = 3e-4
    temperature_learning_rate: Positive = 3e-4

    @override
    def build(self, spec: EnvironmentSpec) -> SAC:
        return SAC(self, spec)

    @override
    def tiny(self) -> Self:
        return replace(super().tiny(), policy_sizes=(8, 8), critic_sizes=(8, 8))


class SAC(TransitionAgent[SACConfig]):
    """Soft actor-critic: for each task pi, two Q, their two targets, and a temperature."""

    acting_parts = ("policy",)

    def __init__(self, config: SACConfig, spec: EnvironmentSpec) -> None:
        super().__init__(config)
        c = config
        self.bounds = Bounds(spec.action)
        size = self.bounds.size
        self.policy = Policy(c.groups, c.policy_sizes, spec, size)
        self.q = Critics(2, c.groups, c.critic_sizes, spec, size)
        self.target_q = copy.deepcopy(self.q).requires_grad_(False)
        self.temperature = c.temperature.build(spec.num_tasks, size)

    def act(
        self,
        timestep: Timestep,
        state: ActState,
        explore: bool,
        generator: torch.Generator | None = None,
    ) -> Acting:
        """Actions drawn from the policy; without ``explore``, its mode."""
        policy = self.policy(one_row_each(timestep.observation), timestep.task)
        u = policy.sample(generator) if explore else policy.mode()
        return Acting(self.bounds.stretch(u).squeeze(1), state, {})

    def parameter_groups(self) -> Mapping[str, ParameterGroup]:
        """Policies, critics, and the temperatures where they are learned."""
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
        """Haarnoja et al. 2018b, eqs. 5 to 9 and 18, summed over N tasks; rows ``[2, N, B]``."""
        c, rows = self.config, batch["transitions"]
        task = rows.task[0, :, 0].long()
        now = {name: array[0] for name, array in rows.observation.items()}
        after = {name: array[1] for name, array in rows.observation.items()}
        temperature = self.temperature.value(task)
        with torch.no_grad():
            policy = self.policy(after, task)
            u, log_prob = policy.reparameterize(torch.randn_like(policy.mean))
            future = self.target_q(after, task, u).amin(0) - temperature * log_prob
            target = rows.reward[0] + c.gamma * rows.discount[0] * future
        q = self.q(now, task, self.bounds.shrink(rows.action[0]))
        policy = self.policy(now, task)
        u, log_prob = policy.reparameterize(torch.randn_like(policy.mean))
        objective = temperature * log_prob - self.q(now, task, u).amin(0)
        losses = {
            "policy": objective.mean(-1).sum(),
            "q": (target - q).square().mean(-1).sum(),
            **self.temperature.losses(log_prob, task),
        }
        metrics = {
            "q": q.detach().mean(),
            "entropy_nats": -log_prob.detach().mean(),
            "temperature": temperature.mean(),
        }
        return losses, metrics

    def after_step(self, step: int) -> None:
        """Target Q <- tau Q + (1 - tau) target Q."""
        average_parameters(self.q, self.target_q, self.config.target_rate)
