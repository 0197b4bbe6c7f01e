"""DSE-REINFORCE: the paper's Algorithm 1, and its baselines by other embeddings and policies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from typing_extensions import override

from skill_train.replay.step import ArraySpec
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
from skill_train.skill_agents.dse.policies import PolicyConfig, SharedPolicyConfig
from skill_train.skill_agents.nets.stacked_mlp import one_row_each
from skill_train.skill_agents.ranges import Positive, PositiveOrInf
from skill_train.skill_agents.reinforce import trials
from skill_train.skill_agents.reinforce.trial_agent import TrialAgent, TrialAgentConfig


@dataclass(frozen=True)
class ReinforceConfig(TrialAgentConfig):
    """Hyperparameters of Algorithm 1; the defaults are table 1's."""

    policy: PolicyConfig = field(default_factory=SharedPolicyConfig)
    embedding: EmbeddingConfig = field(default_factory=DisentangledConfig)
    alpha_policy: PositiveOrInf = math.inf  # Table 1; 1 / alpha_pi weighs the entropy
    policy_learning_rate: Positive = 0.002  # Table 1
    embedding_learning_rate: Positive = 0.002  # Table 1

    def extras(self) -> Mapping[str, ArraySpec]:
        """Extras of a row: the noise of z and g, and log mu(a | s, z, g)."""
        return {"noise": ArraySpec((self.embedding.size,)), **super().extras()}

    @override
    def build(self, spec: EnvironmentSpec) -> Reinforce:
        return Reinforce(self, spec)


class Reinforce(TrialAgent[ReinforceConfig]):
    """DSE-REINFORCE: z and g are drawn afresh at every step; replay keeps their noise."""

    acting_parts = ("policy", "embedding")

    def __init__(self, config: ReinforceConfig, spec: EnvironmentSpec) -> None:
        super().__init__(config, spec)
        self.embedding = config.embedding.build(spec)
        self.policy = config.policy.build(spec, self.embedding.size)

    def act(
        self,
        timestep: Timestep,
        state: ActState,
        explore: bool,
        generator: torch.Generator | None = None,
    ) -> Acting:
        """Actions drawn at drawn latents; without ``explore``, at latents' means (see README)."""
        noise = self.embedding.noise(len(timestep.task), explore, generator)
        latent = self.embedding(timestep.task, noise)
        policy = self.policy(one_row_each(timestep.observation), timestep.task, latent)
        action = policy.sample(generator)
        extras = {"noise": noise.squeeze(1), "log_prob": policy.log_prob(action).squeeze(1)}
        return Acting(action.squeeze(1), state, extras)

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
        policy = self.policy(one_row_each(observation), no_task, latent.unsqueeze(1))
        action: Tensor = policy.sample(generator)
        return action.squeeze(1)

    def parameter_groups(self) -> Mapping[str, ParameterGroup]:
        """theta, and delta with omega where the embedding has any."""
        c = self.config
        groups = {
            "policy": ParameterGroup(
                list(self.policy.parameters()),
                c.policy_learning_rate,
                c.max_grad_norm,
                decay=c.decay,
                stacked=self.policy.stacked,
            )
        }
        embedded = list(self.embedding.parameters())
        if embedded:
            groups["embedding"] = ParameterGroup(
                embedded, c.embedding_learning_rate, c.max_grad_norm, decay=c.decay
            )
        return groups

    def losses(self, batch: Batch) -> tuple[Mapping[str, Tensor], Metrics]:
        """The gradients of appendix B.1, as gradients of two scalars."""
        c = self.config
        played = trials.read(batch["trials"], c.gamma)
        latent = self.embedding(played.task, batch["trials"].extras["noise"][:-1])
        policy = self.policy(played.observation, played.task, latent)
        log_prob = policy.log_prob(played.action)
        value = trials.returns(played, played.reward - log_prob / c.alpha_policy)
        score = self.score(played, value, log_prob)
        losses = {"policy": -score}
        if any(True for _ in self.embedding.parameters()):
            sum_of_discounts = (1.0 - c.gamma ** (c.max_length - 1)) / (1.0 - c.gamma)  # C
            losses["embedding"] = -score + sum_of_discounts * self.embedding.cost()
        metrics = {
            "return": trials.mean_over_steps(value, played),
            "entropy_nats": trials.mean_over_steps(policy.entropy(), played),
            "length_steps": played.acted.sum(0).float().mean(),
            "embedding_cost": self.embedding.cost().detach(),
            **self.embedding.metrics(),
        }
        return losses, metrics
