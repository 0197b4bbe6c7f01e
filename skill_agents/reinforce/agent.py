"""REINFORCE with a learned baseline and Pop-Art, a learner of one task with discrete actions.

The environment gives its actions a meaning (`actors.skill_env`), so the same agent chooses among
skills or acts without any.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

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
from skill_train.skill_agents.nets.categorical import Categorical, CategoricalHead
from skill_train.skill_agents.nets.view import View
from skill_train.skill_agents.ops.pop_art import Moments, preserve_outputs
from skill_train.skill_agents.ranges import Count, Positive, PositiveOrInf
from skill_train.skill_agents.reinforce import trials
from skill_train.skill_agents.reinforce.trial_agent import TrialAgent, TrialAgentConfig


@dataclass(frozen=True)
class BaselineReinforceConfig(TrialAgentConfig):
    """Hyperparameters; the defaults are those of the DSE paper's table 1, column "HRL"."""

    groups: tuple[str, ...] = ("state",)
    hidden: Count = 100  # "H"
    alpha_policy: PositiveOrInf = 50.0
    learning_rate: Positive = 0.002
    baseline_learning_rate: Positive = 0.002  # not given: the policy's
    trials_per_task: Count = 10  # "batch size per task"
    max_length: Count = 2000  # "max episode length"

    @override
    def build(self, spec: EnvironmentSpec) -> BaselineReinforce:
        return BaselineReinforce(self, spec)

    @override
    def tiny(self) -> Self:
        return replace(super().tiny(), hidden=8)


class Baseline(nn.Module):
    """V(s) on the scale of normalised returns."""

    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(size, hidden)
        self.last = nn.Linear(hidden, 1)

    def forward(self, state: Tensor) -> Tensor:
        """``[..., size]`` to ``[...]``."""
        value: Tensor = self.last(torch.tanh(self.hidden(state))).squeeze(-1)
        return value


class BaselineReinforce(TrialAgent[BaselineReinforceConfig]):
    """pi(a | s) and V(s), each a network of one tanh layer."""

    acting_parts = ("policy",)

    def __init__(self, config: BaselineReinforceConfig, spec: EnvironmentSpec) -> None:
        super().__init__(config, spec)
        if not isinstance(spec.action, DiscreteAction) or spec.num_tasks != 1:
            raise ValueError("REINFORCE with a baseline is made for discrete actions in one task")
        self.view = View(config.groups, spec.observation)
        self.policy = nn.Sequential(
            nn.Linear(self.view.size, config.hidden),
            nn.Tanh(),
            CategoricalHead(config.hidden, spec.action.count),
        )
        self.baseline = Baseline(self.view.size, config.hidden)

    def act(
        self,
        timestep: Timestep,
        state: ActState,
        explore: bool,
        generator: torch.Generator | None = None,
    ) -> Acting:
        """Actions drawn from the policy, also without ``explore``."""
        policy: Categorical = self.policy(self.view(timestep.observation))
        action = policy.sample(generator)
        return Acting(action, state, {"log_prob": policy.log_prob(action)})

    def parameter_groups(self) -> Mapping[str, ParameterGroup]:
        """Groups ``policy`` and ``baseline``."""
        c = self.config
        return {
            "policy": ParameterGroup(
                list(self.policy.parameters()), c.learning_rate, c.max_grad_norm, decay=c.decay
            ),
            "baseline": ParameterGroup(
                list(self.baseline.parameters()), c.baseline_learning_rate, decay=c.decay
            ),
        }

    def losses(self, batch: Batch) -> tuple[Mapping[str, Tensor], Metrics]:
        """Minus the score of the normalised return less its baseline; the baseline's squared error.

        On-policy the score's gradient is that of REINFORCE with a baseline, the advantage times
        grad log pi (Sutton and Barto 2018, eq. 13.11).
        """
        played = trials.read(batch["trials"], self.config.gamma)
        state = self.view(played.observation)
        policy: Categorical = self.policy(state)
        log_prob = policy.log_prob(played.action)
        value = trials.returns(played, played.reward - log_prob / self.config.alpha_policy)
        self._rescale(value, played)
        target = self.scale.normalise(value, played.task)
        baseline = self.baseline(state)
        losses = {
            "policy": -self.score_of(played, target - baseline, log_prob),
            "baseline": trials.sum_over_steps((target - baseline).square(), played),
        }
        metrics = {
            "return": trials.mean_over_steps(value, played),
            "entropy_nats": trials.mean_over_steps(policy.entropy(), played),
            "length_steps": played.acted.sum(0).float().mean(),
            "baseline_error": trials.mean_over_steps((target - baseline).square(), played),
        }
        return losses, metrics

    def _rescale(self, value: Tensor, played: trials.Trials) -> None:
        """Update the moments; rescale the last layer to predict the same returns (Pop-Art).

        Before the first returns there is no prediction to keep: the layer stays as it is, and
        predicts about the mean of these.
        """
        task, last = played.task, self.baseline.last
        before, is_kept = self.scale.moments(task), self.scale.updates[task] > 0
        self.scale.update(value, played)
        after = self.scale.moments(task)
        before = Moments(*(torch.where(is_kept, *pair) for pair in zip(before, after, strict=True)))
        with torch.no_grad():
            weight, bias = preserve_outputs(last.weight, last.bias, before, after)
            last.weight.copy_(weight)
            last.bias.copy_(bias)
