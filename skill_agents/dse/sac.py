"""DSE-SAC: the paper's Algorithm 2, and its baselines by other embeddings and policies."""

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
from skill_train.skill_agents.dse.embeddings import DisentangledConfig, EmbeddingConfig
from skill_train.skill_agents.dse.sac_parts import SACPolicyConfig, TwoTowersConfig
from skill_train.skill_agents.nets.squashed_gaussian import SquashedGaussian
from skill_train.skill_agents.nets.stacked_mlp import one_row_each
from skill_train.skill_agents.nets.targets import average_parameters
from skill_train.skill_agents.ranges import Count, Positive, PositiveOrInf, Share, Sizes
from skill_train.skill_agents.sac.parts import Bounds, Critics
from skill_train.skill_agents.sac.transition_agent import TransitionAgent, TransitionAgentConfig


@dataclass(frozen=True)
class DSESACConfig(TransitionAgentConfig):
    """Hyperparameters of Algorithm 2; the defaults are table 2's."""

    policy: SACPolicyConfig = field(default_factory=TwoTowersConfig)
    embedding: EmbeddingConfig = field(
        default_factory=lambda: DisentangledConfig(
            dynamics_size=2,  # Table 2, dim z
            goal_size=3,  # Table 2, dim g
            alpha_dynamics=20.0,  # Table 2
            alpha_goal=20.0,  # Table 2
        )
    )
    groups: tuple[str, ...] = ("state",)
    critic_sizes: Sizes = (100, 100)  # not given; those of table 2's HRL policy
    gamma: Share = 0.99  # Table 2
    alpha_policy: PositiveOrInf = 250.0  # Table 2
    policy_learning_rate: Positive = 0.003  # Table 2
    embedding_learning_rate: Positive = 0.0003  # Table 2
    q_learning_rate: Positive = 0.03  # Table 2
    value_learning_rate: Positive = 0.03  # Table 2
    target_rate: Share = 0.01  # tau, Table 2
    batch_per_task: Count = 128  # Table 2
    replay_per_task: Count = 300_000  # Table 2: 3e6, for all tasks
    minimum_per_task: Count = 1_000  # not given
    samples_per_insert: Positive = 128.0  # not given: an update for each step, as SAC

    @override
    def build(self, spec: EnvironmentSpec) -> DSESAC:
        return DSESAC(self, spec)

    @override
    def tiny(self) -> Self:
        return replace(super().tiny(), critic_sizes=(8, 8))


class DSESAC(TransitionAgent[DSESACConfig]):
    """A shared policy, embeddings by index, and for each task two Q, a V and its target."""

    acting_parts = ("policy", "embedding")

    def __init__(self, config: DSESACConfig, spec: EnvironmentSpec) -> None:
        super().__init__(config)
        c = config
        self.bounds = Bounds(spec.action)
        size = self.bounds.size
        self.embedding = c.embedding.build(spec)
        self.policy = c.policy.build(spec, self.embedding.size, size)
        self.q = Critics(2, c.groups, c.critic_sizes, spec, size)
        self.value = Critics(1, c.groups, c.critic_sizes, spec)
        self.target_value = copy.deepcopy(self.value).requires_grad_(False)

    def act(
        self,
        timestep: Timestep,
        state: ActState,
        explore: bool,
        generator: torch.Generator | None = None,
    ) -> Acting:
        """Actions drawn at drawn latents; without ``explore``, the mode at the latents' means."""
        noise = self.embedding.noise(len(timestep.task), explore, generator)
        latent = self.embedding(timestep.task, noise)
        policy = self.policy(one_row_each(timestep.observation), timestep.task, latent)
        u = policy.sample(generator) if explore else policy.mode()
        return Acting(self.bounds.stretch(u).squeeze(1), state, {})

    def act_at(
        self,
        observation: Mapping[str, Tensor],
        latent: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Actions for groups ``[B, *]`` at latents ``[B, D]``, as `act` does without ``explore``.

        The latents stand for the task, so the policy must be a shared one.
        """
        no_task = torch.zeros(len(latent), dtype=torch.int64)
        policy: SquashedGaussian = self.policy(
            one_row_each(observation), no_task, latent.unsqueeze(1)
        )
        return self.bounds.stretch(policy.mode()).squeeze(1)

    def parameter_groups(self) -> Mapping[str, ParameterGroup]:
        """theta, phi, psi, and delta and omega where the embedding has any."""
        c = self.config
        groups = {
            "policy": ParameterGroup(list(self.policy.parameters()), c.policy_learning_rate),
            "q": ParameterGroup(list(self.q.parameters()), c.q_learning_rate),
            "value": ParameterGroup(list(self.value.parameters()), c.value_learning_rate),
        }
        for name, part in self.embedding.groups().items():
            groups[name] = ParameterGroup(list(part.parameters()), c.embedding_learning_rate)
        return groups

    def losses(self, batch: Batch) -> tuple[Mapping[str, Tensor], Metrics]:
        """Section 5.2, all N tasks at once; rows ``[2, N, B]``."""
        c, rows = self.config, batch["transitions"]
        task = rows.task[0, :, 0].long()
        now = {name: array[0] for name, array in rows.observation.items()}
        after = {name: array[1] for name, array in rows.observation.items()}
        noise = rows.reward.new_empty(*rows.reward.shape[1:], self.embedding.size).normal_()
        latent = self.embedding(task, noise)
        policy = self.policy(now, task, latent)
        u, log_prob = policy.reparameterize(torch.randn_like(policy.mean))
        # Q_min - log pi / alpha_pi, through u only: no gradient of it is taken for phi.
        drawn = self.q(now, task, u).amin(0) - log_prob / c.alpha_policy
        with torch.no_grad():
            target_value = drawn - self.embedding.information(task, latent)
            future = self.target_value(after, task).squeeze(0)
            target_q = rows.reward[0] + c.gamma * rows.discount[0] * future
        q = self.q(now, task, self.bounds.shrink(rows.action[0]))
        value = self.value(now, task).squeeze(0)
        # One scalar for theta, delta and omega: its KL terms do not depend on theta, and for an
        # embedding of n tasks it is eq. 4 times n / (alpha N), a factor that Adam does not see.
        objective = -drawn.mean() + self.embedding.cost_of(task)
        losses = {
            "policy": objective,
            "q": (target_q - q).square().mean(-1).sum(),
            "value": (target_value - value).square().mean(-1).sum(),
            **dict.fromkeys(self.embedding.groups(), objective),
        }
        metrics = {
            "q": q.detach().mean(),
            "value": value.detach().mean(),
            "entropy_nats": -log_prob.detach().mean(),
            "embedding_cost": self.embedding.cost().detach(),
        }
        return losses, metrics

    def after_step(self, step: int) -> None:
        """Target V <- tau V + (1 - tau) target V."""
        average_parameters(self.value, self.target_value, self.config.target_rate)
