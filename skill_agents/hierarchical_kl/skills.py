"""What a low level has learned: it acts while the default policy, not pi_H, draws its latents."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skill_train.skill_agents.agent import Acting, Acts, ActState, Timestep
from skill_train.skill_agents.hierarchical_kl.defaults import DefaultPolicy, HighLevelKL, LowLevelKL
from skill_train.skill_agents.hierarchical_kl.latent_prior import LatentVariableKL
from skill_train.skill_agents.hierarchical_kl.policies import Policy
from skill_train.skill_agents.hierarchical_kl.priors import Prior


class Skills(Acts):
    """z_t ~ pi0_H(. | z_{t-1}), a_t from pi0_L, which is pi_L where they are shared.

    A flat default policy has no latents: its actions are drawn instead. One with latents of its own
    (appendix A) draws those. Raises ValueError where there is none of these.
    """

    def __init__(self, policy: Policy, default_policy: DefaultPolicy, period: int) -> None:
        super().__init__()
        high, low = getattr(default_policy, "high", None), getattr(default_policy, "low", None)
        self.prior: Prior | None = None
        self.low: nn.Module = policy.low
        self.latent_size = policy.latent_size
        if isinstance(low, LatentVariableKL):
            self.prior, self.low, self.latent_size = low.prior, low.default, low.latent_size
        elif isinstance(high, HighLevelKL):
            self.prior = high.prior
        if isinstance(low, LowLevelKL):
            self.low = low.default
        elif self.prior is None:
            raise ValueError("the agent has no default policy that could act by itself")
        self.period = period

    def initial_state(self, batch: int) -> ActState:
        """Latent ``[B, D]`` and its age in steps ``[B]``."""
        latent = torch.zeros(batch, self.latent_size)
        return {"latent": latent, "age": torch.full((batch,), -1, dtype=torch.int32)}

    def act(
        self,
        timestep: Timestep,
        state: ActState,
        explore: bool,
        generator: torch.Generator | None = None,
    ) -> Acting:
        """Latents are always drawn; without ``explore``, actions are the low level's means."""
        first = timestep.is_first
        age = (state["age"] + 1).masked_fill(first, 0) % self.period
        latent = state["latent"]
        if self.prior is not None:
            drawn: Tensor = self.prior(latent, first).sample(generator)
            latent = torch.where((age == 0).unsqueeze(-1), drawn, latent)
        low = self.low(timestep.observation, latent)
        by_mean = self.prior is not None and not explore
        action = low.mode() if by_mean else low.sample(generator)
        return Acting(action, {"latent": latent, "age": age}, {})
