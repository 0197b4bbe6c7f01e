"""V-trace for hierarchical policies over discrete actions: the paper's appendix B.3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor, nn
from typing_extensions import override

from skill_train.replay.schema import Schema
from skill_train.replay.tables import queue
from skill_train.skill_agents.agent import (
    AgentConfig,
    Batch,
    EnvironmentSpec,
    Metrics,
    ParameterGroup,
)
from skill_train.skill_agents.hierarchical_kl.acting import HierarchicalActing, unroll_schema
from skill_train.skill_agents.hierarchical_kl.defaults import (
    DefaultConfig,
    SharedLowLevel,
    group_parameters,
)
from skill_train.skill_agents.hierarchical_kl.latents import context_rows, latent_age
from skill_train.skill_agents.hierarchical_kl.policies import HierarchicalPolicyConfig, PolicyConfig
from skill_train.skill_agents.nets.mlp import ScalarHead
from skill_train.skill_agents.nets.view import View
from skill_train.skill_agents.ops.masked import masked_mean
from skill_train.skill_agents.ops.vtrace import vtrace
from skill_train.skill_agents.ranges import (
    Count,
    NonNegative,
    Positive,
    PositiveOrInf,
    Share,
    Sizes,
)

LARGEST_LOG_RATIO = 20.0
"""Bound of log ratios, far above any clip of V-trace and far below the overflow of exp."""


@dataclass(frozen=True)
class VTraceConfig(AgentConfig):
    """Hyperparameters of appendix B.3; the paper gives none for the grid."""

    policy: PolicyConfig = field(default_factory=HierarchicalPolicyConfig)
    default: DefaultConfig = field(default_factory=SharedLowLevel)
    critic_groups: tuple[str, ...] = ("proprioception", "task")
    critic_sizes: Sizes = (400, 300)  # Appendix G.1
    latent_period: Count = 1  # Appendix E.1: the body's effective step size
    noise_correlation: Share = 0.0  # as in SVG0Config
    kl_cost: NonNegative = 1e-3  # alpha, Appendix G.1
    entropy_cost: float = 1e-2  # eq. 25 gives no weight; IMPALA's
    critic_cost: NonNegative = 0.5  # IMPALA
    gamma: Share = 0.99
    clip_rho: PositiveOrInf = 1.0  # B.3: "identical to the original V-trace paper"
    clip_c: PositiveOrInf = 1.0
    learning_rate: Positive = 5e-4  # ours
    default_learning_rate: Positive = 5e-4  # ours
    max_grad_norm: PositiveOrInf = 40.0  # IMPALA
    batch_size: Count = 32  # IMPALA
    unroll_length: Count = 20  # IMPALA

    @override
    def build(self, spec: EnvironmentSpec) -> VTraceAgent:
        return VTraceAgent(self, spec)

    @override
    def tiny(self) -> Self:
        return replace(
            self,
            policy=self.policy.tiny(),
            default=self.default.tiny(),
            critic_sizes=(16, 16),
            batch_size=4,
        )

    def schema(self, spec: EnvironmentSpec, tasks: Sequence[int]) -> Schema:
        """A queue of about two batches of unrolls: more data would be older."""
        length = self.unroll_length + context_rows(self.latent_period)
        table = queue("unrolls", length, 2 * self.batch_size, stride=self.unroll_length)
        return unroll_schema(table, self.batch_size, self.latent_period, spec, tasks)


class LatentValue(nn.Module):
    """The critic V(z, x)."""

    def __init__(self, config: VTraceConfig, spec: EnvironmentSpec, latent_size: int) -> None:
        super().__init__()
        self.view = View(config.critic_groups, spec.observation)
        self.net = ScalarHead(self.view.size + latent_size, config.critic_sizes)

    def forward(self, observation: Mapping[str, Tensor], latent: Tensor) -> Tensor:
        """Groups ``[T, B, *]`` and latents ``[T, B, D]`` to values ``[T, B]``."""
        value: Tensor = self.net(torch.cat([self.view(observation), latent], dim=-1))
        return value


class VTraceAgent(HierarchicalActing):
    """Actor-critic on unrolls drawn once each; the learner draws the latents, not the actor."""

    def __init__(self, config: VTraceConfig, spec: EnvironmentSpec) -> None:
        super().__init__(spec.action, config.latent_period, config.noise_correlation)
        self.config = config
        self.policy = config.policy.build(spec)
        latent_size = self.policy.latent_size
        self.default_policy = config.default.build(spec, config.policy, self.policy)
        self.critic = LatentValue(config, spec, latent_size)

    def parameter_groups(self) -> Mapping[str, ParameterGroup]:
        """Policy, critic, and the default policy where it has parameters."""
        c = self.config
        policy, default = group_parameters(self.policy, self.default_policy)
        groups = {}
        for name, parameters, rate in (
            ("policy", policy, c.learning_rate),
            ("critic", list(self.critic.parameters()), c.learning_rate),
            ("default_policy", default, c.default_learning_rate),
        ):
            if parameters:
                groups[name] = ParameterGroup(parameters, rate, c.max_grad_norm)
        return groups

    def losses(self, batch: Batch) -> tuple[Mapping[str, Tensor], Metrics]:
        """Eqs. 21 to 25, one update. Rows: context, K steps, bootstrap; time-major."""
        c, rows = self.config, batch["unrolls"]
        age = latent_age(rows, self.period)
        shape = (*rows.reward.shape, self.policy.latent_size)
        decision = self.policy(rows.observation, torch.randn(shape, device=rows.reward.device), age)
        kl = self.default_policy.kl(decision, rows, age)
        value = self.critic(rows.observation, decision.latent.detach())

        now = slice(context_rows(self.period), -1)
        later = slice(now.start + 1, None)
        valid = rows.valid()[now.start :]
        log_prob = decision.low.log_prob(rows.action)[now]
        with torch.no_grad():
            log_ratio = log_prob - rows.extras["log_prob"][now]
            ratio = log_ratio.clamp(max=LARGEST_LOG_RATIO).exp().masked_fill(~valid, 0.0)
            target, advantage = vtrace(
                v_t=value[now],
                v_tp1=(value - c.kl_cost * kl)[later],
                reward_t=rows.reward[now],
                discount_t=c.gamma * rows.discount[now],
                ratio_t=ratio,
                clip_rho=c.clip_rho,
                clip_c=c.clip_c,
            )
        entropy = decision.low.entropy()[now]
        objective = log_prob * advantage - c.kl_cost * kl[now] + c.entropy_cost * entropy
        losses = {
            "policy": -masked_mean(objective, valid),
            "critic": c.critic_cost * masked_mean((target - value[now]).square(), valid),
        }
        if self.default_policy.learned():
            distilled = self.default_policy.kl(decision.detach(), rows, age)
            losses["default_policy"] = masked_mean(distilled[now], valid)
        metrics = {
            "value": masked_mean(value.detach()[now], valid),
            "kl_nats": masked_mean(kl.detach()[now], valid),
            "entropy_nats": masked_mean(entropy.detach(), valid),
        }
        return losses, metrics
