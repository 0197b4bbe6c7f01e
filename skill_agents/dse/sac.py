"""DSE-SAC: the paper's Algorithm 2, and its baselines by other embeddings and policies."""

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
from skill_train.skill_agents.dse.embeddings import DisentangledConfig, EmbeddingConfig
from skill_train.skill_agents.dse.sac_parts import (
    Critics,
    SACPolicyConfig,
    TwoTowersConfig,
    action_size,
)
from skill_train.skill_agents.nets.targets import average_parameters
from skill_train.skill_agents.nets.view import View
from skill_train.skill_agents.ranges import Count, Positive, PositiveOrInf, Share, Sizes


@dataclass(frozen=True)
class DSESACConfig(AgentConfig):
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

    def build(self, spec: EnvironmentSpec) -> DSESAC:
        """The agent."""
        return DSESAC(self, spec)


class DSESAC(Agent):
    """A shared policy, embeddings by index, and for each task two Q, a V and its target."""

    acting_parts = ("policy", "embedding")

    def __init__(self, config: DSESACConfig, spec: EnvironmentSpec) -> None:
        super().__init__()
        self.config = config
        self.action_size = action_size(spec)
        self.embedding = config.embedding.build(spec)
        self.policy = config.policy.build(spec, self.embedding.size)
        self.view = View(config.groups, spec.observation)
        size = self.view.size
        self.q = Critics(spec, 2, size + self.action_size, config.critic_sizes)
        self.value = Critics(spec, 1, size, config.critic_sizes)
        self.target_value = copy.deepcopy(self.value).requires_grad_(False)

    def act(
        self,
        timestep: Timestep,
        state: ActState,
        explore: bool,
        generator: torch.Generator | None = None,
    ) -> Acting:
        """Without ``explore``, the latents' means and the mode of the action."""
        # B environments are B tasks of one row each.
        observation = {name: array.unsqueeze(1) for name, array in timestep.observation.items()}
        noise = torch.zeros(len(timestep.task), 1, self.embedding.size)
        if explore:
            noise.normal_(generator=generator)
        latent = self.embedding(timestep.task, noise)
        policy = self.policy(observation, timestep.task, latent)
        action = policy.sample(generator) if explore else policy.mode()
        return Acting(action.squeeze(1), state, {})

    def tables(self) -> tuple[TableSpec, ...]:
        """D_ij."""
        c = self.config
        return (
            transitions(
                "transitions",
                c.replay_per_task,
                min_items=c.minimum_per_task,
                samples_per_insert=c.samples_per_insert,
                per_task=True,
            ),
        )

    def draws(self) -> Mapping[str, Draw]:
        """M transitions of each task."""
        return {"transitions": Draw("transitions", self.config.batch_per_task)}

    def parameter_groups(self) -> Mapping[str, ParameterGroup]:
        """theta, phi, psi, and delta and omega where there are any."""
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
        task, seen = rows.task[0, :, 0].long(), self.view(rows.observation)
        now = {name: array[0] for name, array in rows.observation.items()}
        size = (*rows.reward.shape[1:], self.embedding.size)
        latent = self.embedding(task, torch.randn(size, dtype=seen.dtype, device=seen.device))
        policy = self.policy(now, task, latent)
        action, log_prob = policy.reparameterize(torch.randn_like(policy.mean))
        # Q_min - log pi / alpha_pi, through a only: no gradient of it is taken for phi.
        drawn = self._q(seen[0], action, task).amin(0) - log_prob / c.alpha_policy
        with torch.no_grad():
            target_value = drawn - self.embedding.information(task, latent)
            future = self.target_value(seen[1], task).squeeze(0)
            target_q = rows.reward[0] + c.gamma * rows.discount[0] * future
        q = self._q(seen[0], rows.action[0], task)
        value = self.value(seen[0], task).squeeze(0)
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

    def _q(self, state: Tensor, action: Tensor, task: Tensor) -> Tensor:
        """Both Q of states and actions ``[N, B, *]``, ``[2, N, B]``."""
        values: Tensor = self.q(torch.cat([state, action], -1), task)
        return values
