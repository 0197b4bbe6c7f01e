"""A default policy with latent variables that the policy does not have: appendix A, eq. 15.

The default policy is a latent variable model of trajectories::

    pi0(tau) = int prod_t pi0(a_t | x_t, y_t) pi0(y_t | y_{t-1}) dy

Its log-likelihood is not tractable. With an inference network f that decomposes over time, eq. 15
bounds it from below, and so KL(pi || pi0) from above by a sum over steps, which is what we use::

    KL_t = KL[pi(. | x_t) || pi0(. | x_t, y_t)] + KL[f(y_t | y_{t-1}, tau) || pi0(y_t | y_{t-1})]

y is drawn from f. The first term is -E log pi0(a_t | x_t, y_t) - H[pi] with the expectation over
pi's action taken exactly, instead of at the behaviour's action. The bound holds for any f and tau,
and is the tighter, the better f fits. Distillation, which minimises the
same sum over pi0 and f with pi fixed, is the variational autoencoder's training.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor, nn
from typing_extensions import override

from skill_train.replay.step import Step
from skill_train.skill_agents.agent import EnvironmentSpec
from skill_train.skill_agents.hierarchical_kl.defaults import (
    DefaultConfig,
    DefaultPolicy,
    TotalKL,
    action_kl,
)
from skill_train.skill_agents.hierarchical_kl.inference import Inference
from skill_train.skill_agents.hierarchical_kl.latents import previous
from skill_train.skill_agents.hierarchical_kl.policies import (
    TINY_LATENT,
    Decision,
    FlatPolicyConfig,
    Policy,
    PolicyConfig,
)
from skill_train.skill_agents.hierarchical_kl.priors import LearnedARConfig, Prior, PriorConfig
from skill_train.skill_agents.ops.divergence import gaussian_kl
from skill_train.skill_agents.ranges import Count, NonNegative


class LatentVariableKL(DefaultPolicy):
    """An upper bound of KL(pi || pi0) by one draw of the latents."""

    def __init__(
        self, prior: Prior, default: nn.Module, inference: nn.Module, latent_size: int
    ) -> None:
        """``default`` is pi0(a | x, y), ``inference`` f."""
        super().__init__()
        self.latent_size = latent_size
        self.prior = prior
        self.default = default
        self.inference = inference

    @override
    def kl(self, decision: Decision, rows: Step, age: Tensor | None) -> Tensor:
        posterior, latent = self.inference(rows)
        prior = self.prior(previous(latent), rows.is_first)
        of_latents = gaussian_kl(*posterior, *prior)
        return action_kl(decision.low, self.default(rows.observation, latent)) + of_latents


@dataclass(frozen=True)
class LatentVariableDefault(DefaultConfig):
    """One latent variable for each time step; the paper gives no sizes."""

    prior: PriorConfig = LearnedARConfig()
    latent_size: Count = 10  # Appendix G.1, the hierarchical policy's
    inference_hidden: Count = 100
    minimum_latent_std: NonNegative = 0.1  # as the hierarchical policy's

    def tiny(self) -> Self:
        """The same default policy, with small inference and a tiny hierarchical policy's latent."""
        return replace(self, latent_size=TINY_LATENT, inference_hidden=16)

    def build(self, spec: EnvironmentSpec, config: PolicyConfig, policy: Policy) -> TotalKL:
        """The bound for a flat policy; pi0 and tau have the groups that its config gives pi0.

        Raises ValueError for a policy with latents of its own.
        """
        if not isinstance(config, FlatPolicyConfig):
            raise ValueError(
                "LatentVariableDefault has latents that the policy has not: it needs a "
                "FlatPolicyConfig"
            )
        groups, size = config.default_groups, self.latent_size
        default = config.level(spec, groups, config.default_sizes, size)
        inference = Inference(spec, groups, size, self.inference_hidden, self.minimum_latent_std)
        return TotalKL(low=LatentVariableKL(self.prior.build(size), default, inference, size))
