"""The policy that Retrace evaluates: the one that is learned, or a target copy of it.

Algorithm 2 evaluates pi itself. Appendix G.1 gives the DISTRAL baselines a target copy of the
policy, "DISTRAL policy target network update period = 100", and so does their authors' public
learner: the values V' and the ratios pi / mu are the copy's, the KL and the objective pi's.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn
from typing_extensions import override

from skill_train.replay.step import Step
from skill_train.skill_agents.hierarchical_kl.policies import Decision, Policy
from skill_train.skill_agents.nets.gaussian import Gaussian
from skill_train.skill_agents.nets.targets import copy_parameters

Values = Callable[[Decision, Step], Tensor]
"""E_a Q'(a, z_t, x_t) of a decision at every row, ``[T+1, B]``."""


class Online(nn.Module):
    """Evaluation of the policy that is learned, by the values computed for its objective."""

    def forward(
        self, decision: Decision, sampled_q: Tensor, rows: Step, values: Values
    ) -> tuple[Decision, Tensor]:
        """The decision to take ratios from, and its values ``[T+1, B]``; ``sampled_q`` are pi's."""
        return decision, sampled_q

    def follow(self, policy: Policy) -> None:
        """Do nothing: there is no copy."""


class TargetCopy(nn.Module):
    """Evaluation of a copy of a flat policy, renewed together with the other targets."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        if policy.latent_size:
            raise ValueError(
                "a target copy of the policy is the DISTRAL baselines'; a policy with latents "
                "has none (Algorithm 2)"
            )
        self.policy = copy.deepcopy(policy).requires_grad_(False)

    def forward(
        self, decision: Decision, sampled_q: Tensor, rows: Step, values: Values
    ) -> tuple[Decision, Tensor]:
        """The copy's decision to take ratios from, and its values ``[T+1, B]``."""
        low = self.policy.low(rows.observation, decision.latent)
        copied = decision._replace(low=low)
        return copied, values(copied, rows)

    def follow(self, policy: Policy) -> None:
        """Renew the copy."""
        copy_parameters(policy, self.policy)


@dataclass(frozen=True)
class EvaluatedConfig(ABC):
    """The choice of the policy that Retrace evaluates."""

    @abstractmethod
    def build(self, policy: Policy) -> Online | TargetCopy:
        """The evaluated policy of an agent whose policy is ``policy``."""


@dataclass(frozen=True)
class OnlineConfig(EvaluatedConfig):
    """The policy itself: Algorithm 2."""

    @override
    def build(self, policy: Policy) -> Online:
        return Online()


@dataclass(frozen=True)
class TargetCopyConfig(EvaluatedConfig):
    """A target copy: the DISTRAL baselines, appendix G.1."""

    @override
    def build(self, policy: Policy) -> TargetCopy:
        return TargetCopy(policy)


def gaussian_rows(decision: Decision, rows: slice) -> Gaussian:
    """pi_L at some of the rows of a continuous policy."""
    low = decision.low
    assert isinstance(low, Gaussian)
    return Gaussian(low.mean[rows], low.std[rows])
