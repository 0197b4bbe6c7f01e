"""SVG(0) with Retrace for hierarchical policies: the paper's Algorithm 2."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

from skill_train.replay.schema import Schema
from skill_train.replay.step import Step
from skill_train.replay.tables import TableSpec, windows
from skill_train.skill_agents.agent import (
    AgentConfig,
    Batch,
    ContinuousAction,
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
from skill_train.skill_agents.hierarchical_kl.evaluated import (
    EvaluatedConfig,
    OnlineConfig,
    gaussian_rows,
)
from skill_train.skill_agents.hierarchical_kl.latents import context_rows, latent_age
from skill_train.skill_agents.hierarchical_kl.policies import (
    Decision,
    HierarchicalPolicyConfig,
    PolicyConfig,
)
from skill_train.skill_agents.nets.gaussian import Gaussian
from skill_train.skill_agents.nets.mlp import MLP
from skill_train.skill_agents.nets.targets import copy_parameters
from skill_train.skill_agents.nets.view import View
from skill_train.skill_agents.ops.masked import masked_mean
from skill_train.skill_agents.ops.retrace import retrace
from skill_train.skill_agents.ranges import Count, NonNegative, Positive, Share, Sizes


@dataclass(frozen=True)
class SVG0Config(AgentConfig):
    """Hyperparameters of Algorithm 2; the defaults are those of appendix G.1."""

    policy: PolicyConfig = field(default_factory=HierarchicalPolicyConfig)
    default: DefaultConfig = field(default_factory=SharedLowLevel)
    evaluated: EvaluatedConfig = field(default_factory=OnlineConfig)
    critic_groups: tuple[str, ...] = ("proprioception", "task")
    critic_sizes: Sizes = (400, 300)  # Appendix G.1
    latent_period: Count = 1  # section 3: z at each time step
    noise_correlation: Share = 0.0
    """AR(1) correlation of the noise that draws z while acting. Differs from the paper if not 0:
    each z_t keeps its distribution, but neighbours explore alike (see the README)."""
    action_noise_correlation: Share = 0.0
    """AR(1) correlation of the noise that draws actions, also those of the flat baselines."""
    kl_cost: NonNegative = 1e-3  # alpha, Appendix G.1
    entropy_cost: float = 1e-4  # alpha_H, Appendix G.1
    gamma: Share = 0.99  # authors' code
    trace: Share = 1.0  # lambda, authors' code
    action_samples: Count = 10  # M, authors' code
    actor_learning_rate: Positive = 1e-4  # Appendix G.1
    critic_learning_rate: Positive = 1e-4  # Appendix G.1
    default_learning_rate: Positive = 1e-4
    """Appendix G.1 gives 5e-4 for the DISTRAL baseline only; otherwise it is the actor's."""
    target_update_period: Count = 100  # Appendix G.1
    batch_size: Count = 512  # Appendix G.1, in unrolls
    unroll_length: Count = 10  # Appendix G.1
    replay_unrolls: Count = 100_000  # authors' code: 1e6 steps
    minimum_unrolls: Count = 1_000  # authors' code
    samples_per_insert: Positive | None = None  # authors' locomotion runs: no limit

    @override
    def build(self, spec: EnvironmentSpec) -> SVG0:
        return SVG0(self, spec)

    @override
    def tiny(self) -> Self:
        return replace(
            self,
            policy=self.policy.tiny(),
            default=self.default.tiny(),
            critic_sizes=(16, 16),
            batch_size=8,
            replay_unrolls=2_000,
            minimum_unrolls=16,
            action_samples=2,
            target_update_period=10,
        )

    def schema(self, spec: EnvironmentSpec, tasks: Sequence[int]) -> Schema:
        """Unrolls with the context rows before them; each step is learned from in one unroll."""
        table = self.table(self.unroll_length + context_rows(self.latent_period))
        return unroll_schema(table, self.batch_size, self.latent_period, spec, tasks)

    def table(self, length: int) -> TableSpec:
        """Replay of unrolls of ``length + 1`` rows, drawn uniformly."""
        return windows(
            "unrolls",
            length,
            self.replay_unrolls,
            stride=self.unroll_length,
            min_items=self.minimum_unrolls,
            samples_per_insert=self.samples_per_insert,
        )


class Critic(nn.Module):
    """The critic Q(a, z, x)."""

    def __init__(self, config: SVG0Config, spec: EnvironmentSpec, latent_size: int) -> None:
        super().__init__()
        assert isinstance(spec.action, ContinuousAction)
        self.view = View(config.critic_groups, spec.observation)
        self.state_size = self.view.size + latent_size
        first, *rest = config.critic_sizes
        self.first = nn.Linear(self.state_size + spec.action.size, first)
        self.norm = nn.LayerNorm(first)
        self.torso = MLP(first, rest, layer_norm=False)
        self.value = nn.Linear(self.torso.output_size, 1)
        self.low: Tensor
        self.high: Tensor
        self.register_buffer("low", torch.tensor(spec.action.low), persistent=False)
        self.register_buffer("high", torch.tensor(spec.action.high), persistent=False)

    def forward(self, observation: Mapping[str, Tensor], latent: Tensor, action: Tensor) -> Tensor:
        """Values ``[..., T, B]`` of actions ``[..., T, B, A]``, clipped as the environment does.

        Extra leading axes are further actions for the same observation ``[T, B, *]`` and latent
        ``[T, B, D]``; what does not depend on the action is computed once for all of them.
        """
        state = torch.cat([self.view(observation), latent], dim=-1)
        weight, n = self.first.weight, self.state_size
        hidden = F.linear(state, weight[:, :n], self.first.bias)
        hidden = hidden + F.linear(action.clamp(self.low, self.high), weight[:, n:])
        value: Tensor = self.value(self.torso(torch.tanh(self.norm(hidden)))).squeeze(-1)
        return value


class SVG0(HierarchicalActing):
    """Algorithm 2; with a flat policy SVG(0), and with a flat default policy DISTRAL's prior."""

    def __init__(self, config: SVG0Config, spec: EnvironmentSpec) -> None:
        if not isinstance(spec.action, ContinuousAction):
            raise ValueError("SVG(0) needs continuous actions; use the V-trace agent for these")
        super().__init__(
            spec.action,
            config.latent_period,
            config.noise_correlation,
            config.action_noise_correlation,
        )
        self.config = config
        self.policy = config.policy.build(spec)
        latent_size = self.policy.latent_size
        self.default_policy = config.default.build(spec, config.policy, self.policy)
        self.critic = Critic(config, spec, latent_size)
        self.target_default_policy = copy.deepcopy(self.default_policy).requires_grad_(False)
        self.target_critic = copy.deepcopy(self.critic).requires_grad_(False)
        self.evaluated = config.evaluated.build(self.policy)

    def parameter_groups(self) -> Mapping[str, ParameterGroup]:
        """Policy, critic, and the default policy where it has parameters."""
        c = self.config
        policy, default = group_parameters(self.policy, self.default_policy)
        groups = {
            "policy": ParameterGroup(policy, c.actor_learning_rate),
            "critic": ParameterGroup(list(self.critic.parameters()), c.critic_learning_rate),
        }
        if default:
            groups["default_policy"] = ParameterGroup(default, c.default_learning_rate)
        return groups

    def losses(self, batch: Batch) -> tuple[Mapping[str, Tensor], Metrics]:
        """Algorithm 2, one update. Rows: context, K steps, bootstrap; time-major."""
        c, rows = self.config, batch["unrolls"]
        age = latent_age(rows, self.period)
        shape = (*rows.reward.shape, self.policy.latent_size)
        decision = self.policy(rows.observation, torch.randn(shape, device=rows.reward.device), age)
        kl = self.target_default_policy.kl(decision, rows, age)
        sampled_q, entropy = self._sampled_values(decision, rows), decision.low.entropy()

        now = slice(context_rows(self.period), -1)
        valid = rows.valid()[now.start :]
        with torch.no_grad():
            judged, judged_q = self.evaluated(decision, sampled_q, rows, self._sampled_values)
            log_prob = gaussian_rows(judged, now).log_prob(rows.action[now])
            log_ratio = log_prob - rows.extras["log_prob"][now]
            # Retrace counts no ratio above 1: cut there, before exp can overflow.
            ratio = log_ratio.clamp(max=0.0).exp().masked_fill(~valid, 0.0)
            state = rows.map(lambda leaf: leaf[now]).observation, decision.latent[now]
            target_q = retrace(
                q_t=self.target_critic(*state, rows.action[now]),
                v_tp1=(judged_q - c.kl_cost * kl)[now.start + 1 :],
                reward_t=rows.reward[now],
                discount_t=c.gamma * rows.discount[now],
                ratio_t=ratio,
                lambda_=c.trace,
            )
        q = self.critic(state[0], state[1].detach(), rows.action[now])
        objective = (sampled_q - c.kl_cost * kl + c.entropy_cost * entropy)[now]
        losses = {
            "policy": -masked_mean(objective, valid),
            "critic": masked_mean((target_q - q).square(), valid),
        }
        if self.default_policy.learned():
            distilled = self.default_policy.kl(decision.detach(), rows, age)
            losses["default_policy"] = masked_mean(distilled[now], valid)
        metrics = {
            "q": masked_mean(q.detach(), valid),
            "kl_nats": masked_mean(kl.detach()[now], valid),
            "entropy_nats": masked_mean(entropy.detach()[now], valid),
            "trace": masked_mean(ratio, valid),
        }
        if self.policy.latent_size:
            metrics["latent_std"] = masked_mean(decision.high.std.detach().mean(-1)[now], valid)
        return losses, metrics

    def after_step(self, step: int) -> None:
        """Renew every target copy each ``target_update_period`` updates."""
        if step % self.config.target_update_period == 0:
            copy_parameters(self.critic, self.target_critic)
            copy_parameters(self.default_policy, self.target_default_policy)
            self.evaluated.follow(self.policy)

    def _sampled_values(self, decision: Decision, rows: Step) -> Tensor:
        """E_a Q'(a, sg(z_t), x_t) at every row, ``[T+1, B]``, by M samples.

        One evaluation serves both the policy's objective (with gradient, through a only) and,
        shifted by a row, the bootstrap values V'.
        """
        low = decision.low
        assert isinstance(low, Gaussian)
        noise = torch.randn(self.config.action_samples, *low.mean.shape, device=low.mean.device)
        actions = low.reparameterize(noise)
        q: Tensor = self.target_critic(rows.observation, decision.latent.detach(), actions)
        return q.mean(0)
