"""Baseline: Distral, policies of the tasks distilled into, and kept close to, a shared one.

Teh et al. 2017, "Distral: Robust multitask reinforcement learning", the two-column form with KL
and entropy regularisation, trained by REINFORCE on whole trials as in `reinforce`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from typing_extensions import override

from skill_train.skill_agents.agent import (
    Acting,
    ActState,
    Batch,
    DiscreteAction,
    EnvironmentSpec,
    Metrics,
    ParameterGroup,
    Timestep,
)
from skill_train.skill_agents.nets.categorical import Categorical
from skill_train.skill_agents.nets.stacked_mlp import StackedMLP, one_row_each, per_task
from skill_train.skill_agents.nets.view import View
from skill_train.skill_agents.ranges import NonNegative, Positive, Sizes
from skill_train.skill_agents.reinforce import trials
from skill_train.skill_agents.reinforce.trial_agent import TrialAgent, TrialAgentConfig


@dataclass(frozen=True)
class DistralConfig(TrialAgentConfig):
    """Hyperparameters of appendix C.1; where it is silent, those of DSE-REINFORCE."""

    groups: tuple[str, ...] = ("state",)
    alpha: NonNegative = 0.5  # Appendix C.1
    beta: Positive = 10.0  # Appendix C.1
    hidden: Sizes = (50, 50)  # Appendix C.1, ReLU
    learning_rate: Positive = 1e-4  # Appendix C.1

    @override
    def build(self, spec: EnvironmentSpec) -> Distral:
        return Distral(self, spec)


class Distral(TrialAgent[DistralConfig]):
    """pi_i(a | s) ~ exp(alpha h(a | s) + beta f_i(a | s)), pi_0(a | s) ~ exp(h(a | s))."""

    acting_parts = ("shared", "tasks")

    def __init__(self, config: DistralConfig, spec: EnvironmentSpec) -> None:
        super().__init__(config, spec)
        if not isinstance(spec.action, DiscreteAction):
            raise ValueError("this Distral is made for discrete actions")
        self.view = View(config.groups, spec.observation)
        size, count = self.view.size, spec.action.count
        self.shared = StackedMLP(1, size, config.hidden, count, nn.ReLU)
        self.tasks = StackedMLP(spec.num_tasks, size, config.hidden, count, nn.ReLU)

    def policies(
        self, observation: Mapping[str, Tensor], task: Tensor
    ) -> tuple[Categorical, Categorical]:
        """pi_i and pi_0 for groups ``[..., N, B, *]`` of tasks ``[N]``."""
        state = self.view(observation)
        h = per_task(self.shared, state, torch.zeros_like(task))
        logits = self.config.alpha * h + self.config.beta * per_task(self.tasks, state, task)
        return Categorical(logits.log_softmax(-1)), Categorical(h.log_softmax(-1))

    def act(
        self,
        timestep: Timestep,
        state: ActState,
        explore: bool,
        generator: torch.Generator | None = None,
    ) -> Acting:
        """Actions drawn from pi_i, also without ``explore``: see the README."""
        policy, _ = self.policies(one_row_each(timestep.observation), timestep.task)
        action = policy.sample(generator)
        extras = {"log_prob": policy.log_prob(action).squeeze(1)}
        return Acting(action.squeeze(1), state, extras)

    def parameter_groups(self) -> Mapping[str, ParameterGroup]:
        """The shared network h, and the tasks' own f_i."""
        c = self.config
        shared, tasks = (
            ParameterGroup(list(part.parameters()), c.learning_rate, c.max_grad_norm, decay=c.decay)
            for part in (self.shared, self.tasks)
        )
        return {"shared": shared, "tasks": tasks._replace(stacked=True)}

    def losses(self, batch: Batch) -> tuple[Mapping[str, Tensor], Metrics]:
        """Eqs. 7 to 10 of the Distral paper, with returns normalised for each task."""
        c = self.config
        played = trials.read(batch["trials"], c.gamma)
        policy, prior = self.policies(played.observation, played.task)
        log_prob, log_prior = policy.log_prob(played.action), prior.log_prob(played.action)
        reward = played.reward + (c.alpha * log_prior - log_prob) / c.beta
        value = trials.returns(played, reward)
        score = self.score(played, value, log_prob)
        # pi_0 is regressed to the tasks' actions, on the scale of the returns.
        std = self.scale.moments(played.task).std().unsqueeze(-1)
        distilled = trials.sum_over_steps(c.alpha / c.beta * log_prior / std, played)
        metrics = {
            "return": trials.mean_over_steps(value, played),
            "entropy_nats": trials.mean_over_steps(policy.entropy(), played),
            "length_steps": played.acted.sum(0).float().mean(),
            "log_ratio_nats": trials.mean_over_steps(log_prob - log_prior, played),
        }
        return {"shared": -score - distilled, "tasks": -score}, metrics
