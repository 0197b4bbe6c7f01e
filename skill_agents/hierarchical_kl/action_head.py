"""The last layer of every policy that gives actions: pi_L, pi0_L and the flat policies."""

from __future__ import annotations

import math
from dataclasses import dataclass

from skill_train.skill_agents.agent import ContinuousAction, DiscreteAction
from skill_train.skill_agents.nets.categorical import CategoricalHead
from skill_train.skill_agents.nets.gaussian import GaussianHead
from skill_train.skill_agents.ranges import NonNegative, Positive, PositiveOrInf


@dataclass(frozen=True)
class ActionHead:
    """A layer from features to a distribution over actions; its fields are for continuous ones.

    The mean is a tanh, the standard deviation a softplus above its floor, per actuator.
    """

    initial_std: Positive = 0.7  # ours; the authors' public agent starts at 0.8
    minimum_std: NonNegative = 0.1  # authors' public agent, where it has a prior
    mean_limit: PositiveOrInf = math.inf
    """Differs from the paper if finite: see `GaussianHead`."""

    def build(
        self, features: int, action: ContinuousAction | DiscreteAction
    ) -> GaussianHead | CategoricalHead:
        """A layer from ``features`` numbers, freshly initialised.

        Raises ValueError if the initial standard deviation is not above its floor.
        """
        if isinstance(action, DiscreteAction):
            return CategoricalHead(features, action.count)
        return GaussianHead(
            features,
            action.size,
            self.initial_std,
            self.minimum_std,
            tanh_mean=True,
            mean_limit=self.mean_limit,
        )
