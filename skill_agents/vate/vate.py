"""VATE: a policy on a belief over the task, both learned together (eq. 7).

RL2 and the oracle are other beliefs in the same code, past-only decoding another span of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor
from typing_extensions import override

from skill_train.replay.schema import Schema
from skill_train.replay.step import ArraySpec, Step
from skill_train.replay.tables import Draw, trials
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
from skill_train.skill_agents.ops.gae import generalised_advantages
from skill_train.skill_agents.ops.masked import masked_mean
from skill_train.skill_agents.ranges import (
    Count,
    NonNegative,
    Positive,
    PositiveOrInf,
    Share,
    Sizes,
)
from skill_train.skill_agents.vate.actor_critic import Policy, Value
from skill_train.skill_agents.vate.beliefs import BeliefConfig, GaussianBeliefConfig
from skill_train.skill_agents.vate.model import ModelConfig, VariationalModelConfig
from skill_train.skill_agents.vate.policy_gradient import PPO, PolicyGradient


def through(belief: Tensor) -> Tensor:
    """Let the gradient of the RL loss reach the encoder (eq. 7)."""
    return belief


def detached(belief: Tensor) -> Tensor:
    """Stop the gradient of the RL loss at the belief: the ablation of section 5."""
    return belief.detach()


GRADIENTS: dict[str, Callable[[Tensor], Tensor]] = {"through": through, "detached": detached}


@dataclass(frozen=True)
class VATEConfig(AgentConfig):
    """Hyperparameters. The paper gives the embedding's size alone (see the folder's README)."""

    belief: BeliefConfig = field(default_factory=GaussianBeliefConfig)
    model: ModelConfig = field(default_factory=VariationalModelConfig)
    optimisation: PolicyGradient = field(default_factory=PPO)
    rl_gradient: str = "through"  # eq. 7; "detached" is the ablation
    model_weight: NonNegative = 1.0  # lambda of eq. 7
    trials_per_update: Count = 252
    max_length: Count = 45  # section 5: 3 episodes of 15 steps
    policy_sizes: Sizes = (64, 64)
    value_sizes: Sizes = (64, 64)
    gamma: Share = 0.95  # public implementation
    gae_lambda: Share = 0.95  # public implementation
    entropy_cost: float = 0.01  # public implementation
    value_cost: NonNegative = 0.5  # public implementation
    reward_scale: Positive = 0.1
    """Multiplies rewards, for values near 1; public implementation: running normalisation."""
    policy_learning_rate: Positive = 7e-4  # public implementation
    belief_learning_rate: Positive = 1e-3  # public implementation
    max_grad_norm: PositiveOrInf = 0.5  # public implementation, for the policy

    def __post_init__(self) -> None:
        if self.rl_gradient not in GRADIENTS:
            raise ValueError(f"rl_gradient is one of {sorted(GRADIENTS)}, not {self.rl_gradient!r}")

    @override
    def build(self, spec: EnvironmentSpec) -> VATE:
        return VATE(self, spec)

    @override
    def tiny(self) -> Self:
        return replace(self, trials_per_update=8, model=self.model.tiny())

    def schema(self, spec: EnvironmentSpec, tasks: Sequence[int]) -> Schema:
        """On-policy trials, and the model's buffer; rows have log pi of the action drawn."""
        fresh = trials("trials", self.max_length, self.trials_per_update, use_once=True)
        draws = {
            "trials": Draw("trials", self.trials_per_update),
            **self.model.draws(self.optimisation.updates),
        }
        tables = (fresh, *self.model.tables(self.max_length))
        row = spec.step_spec({"log_prob": ArraySpec(())})
        return Schema(tables, draws, row, tuple(tasks))


class VATE(Agent):
    """VATE: the policy learns from each trial once, the model from a buffer of trials."""

    acting_parts = ("belief", "policy")

    def __init__(self, config: VATEConfig, spec: EnvironmentSpec) -> None:
        super().__init__()
        self.config = config
        self.belief = config.belief.build(spec)
        self.policy = Policy(spec, self.belief.size, config.policy_sizes)
        self.value = Value(spec, self.belief.size, config.value_sizes)
        self.model = config.model.build(spec, self.belief)
        self.rl_gradient = GRADIENTS[config.rl_gradient]
        self.learns_belief = any(
            True for part in (self.belief, self.model) for _ in part.parameters()
        )
        """Whether belief or model have parameters; False for the oracle."""

    def initial_state(self, batch: int) -> ActState:
        """The belief's memory, which the episodes of a trial share."""
        return self.belief.initial_state(batch)

    def act(
        self,
        timestep: Timestep,
        state: ActState,
        explore: bool,
        generator: torch.Generator | None = None,
    ) -> Acting:
        """Actions drawn from the policy; without ``explore``, the likeliest."""
        belief, state = self.belief.step(timestep, state)
        policy = self.policy(timestep.observation, belief)
        action = policy.sample(generator) if explore else policy.mode()
        extras = {"log_prob": policy.log_prob(action)}
        return Acting(action, self.belief.acted(state, action), extras)

    def parameter_groups(self) -> Mapping[str, ParameterGroup]:
        """psi in two parts, and phi with theta."""
        c = self.config
        groups = {
            "policy": ParameterGroup(
                list(self.policy.parameters()), c.policy_learning_rate, c.max_grad_norm
            ),
            "value": ParameterGroup(
                list(self.value.parameters()), c.policy_learning_rate, c.max_grad_norm
            ),
        }
        if self.learns_belief:
            learned = [*self.belief.parameters(), *self.model.parameters()]
            groups["belief"] = ParameterGroup(learned, c.belief_learning_rate)
        return groups

    def minibatches(self, batch: Batch) -> Iterator[Batch]:
        """The minibatches of every epoch, each with trials of its own for the model."""
        played = self.with_targets(batch["trials"])
        number, device = played.reward.shape[1], played.reward.device
        others = {name: rows for name, rows in batch.items() if name != "trials"}
        for part, which in enumerate(self.config.optimisation.parts(number, device)):
            own = {name: self._part(rows, part) for name, rows in others.items()}
            yield {"trials": take(played, which), **own}

    @torch.no_grad()
    def with_targets(self, rows: Step) -> Step:
        """Rows with ``advantage`` (normalised) and ``target`` as further extras."""
        c = self.config
        counted = rows.valid()
        value = self.value(rows.observation, *self.belief.unroll(rows))
        # After a trial's last action, only the value of the state it led to counts.
        goes_on = torch.cat([counted[1:], torch.zeros_like(counted[:1])])
        advantage = generalised_advantages(
            v_t=value[:-1],
            v_tp1=value[1:],
            reward_t=c.reward_scale * rows.reward[:-1],
            discount_t=c.gamma * rows.discount[:-1],
            lambda_=c.gae_lambda * goes_on.float(),
        )
        mean = masked_mean(advantage, counted)
        std = masked_mean((advantage - mean).square(), counted).sqrt()
        extras = {
            **rows.extras,
            "advantage": _padded((advantage - mean) / (std + 1e-8)),
            "target": _padded(advantage + value[:-1]),
        }
        return rows._replace(extras=extras)

    def losses(self, batch: Batch) -> tuple[Mapping[str, Tensor], Metrics]:
        """Minus eq. 7; psi gets its RL part alone."""
        c, rows = self.config, batch["trials"]
        counted, now = rows.valid(), rows.map(lambda leaf: leaf[:-1])
        observation, extras = now.observation, now.extras
        unrolled = self.belief.unroll(*batch.values())
        beliefs = dict(zip(batch, unrolled, strict=True))
        given = self.rl_gradient(beliefs["trials"][:-1])
        policy, value = self.policy(observation, given), self.value(observation, given)
        log_prob = policy.log_prob(now.action)
        surrogate = c.optimisation.policy_loss(log_prob, extras["log_prob"], extras["advantage"])
        entropy = policy.entropy()
        policy_loss = masked_mean(surrogate - c.entropy_cost * entropy, counted)
        value_loss = masked_mean(c.optimisation.value_loss(value, extras["target"]), counted)
        model_loss, metrics = self.model.loss(beliefs, batch)
        losses = {"policy": policy_loss, "value": value_loss}
        if self.learns_belief:
            rl_loss = policy_loss + c.value_cost * value_loss
            losses["belief"] = rl_loss + c.model_weight * model_loss
        drift = extras["log_prob"] - log_prob.detach()
        return losses, {
            "entropy_nats": masked_mean(entropy.detach(), counted),
            "value": masked_mean(value.detach(), counted),
            "drift_nats": masked_mean(drift, counted),
            **metrics,
        }

    def _part(self, rows: Step, part: int) -> Step:
        size = rows.reward.shape[1] // self.config.optimisation.updates
        return take(rows, slice(part * size, (part + 1) * size))


def take(rows: Step, which: Tensor | slice) -> Step:
    """The trials ``which`` of rows ``[T, B]``."""
    return rows.map(lambda leaf: leaf[:, which])


def _padded(values: Tensor) -> Tensor:
    """Values ``[T, B]`` with a last row of zeros, ``[T+1, B]`` as a trial's other arrays."""
    return torch.cat([values, torch.zeros_like(values[:1])])
