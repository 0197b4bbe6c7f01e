"""How a hierarchical policy acts: the same for the off-policy and the on-policy learner."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from replay.step import ArraySpec, Step
from skill_agents.agent import Acting, ActState, Agent, Timestep
from skill_agents.hierarchical_kl.defaults import Divergence
from skill_agents.hierarchical_kl.policies import Policy
from skill_agents.hierarchical_kl.skills import Skills
from skill_agents.nets.gaussian import Gaussian


class HierarchicalActing(Agent):
    """Draws a latent every ``period`` steps, an action at every step, and records log mu(a | x)."""

    acting_parts = ("policy",)
    static_update = True
    policy: Policy
    divergence: Divergence

    def __init__(self, period: int, noise_correlation: float) -> None:
        super().__init__()
        if period < 1:
            raise ValueError(f"latent_period must be at least 1 step, not {period}")
        if not 0.0 <= noise_correlation < 1.0:
            raise ValueError(f"noise_correlation lies in [0, 1), not {noise_correlation}")
        self.period = period
        self.noise_correlation = noise_correlation

    def initial_state(self, batch: int) -> ActState:
        """Latent and its noise ``[B, D]``; with held latents also their age in steps ``[B]``."""
        shape = (batch, self.policy.latent_size)
        state = {"latent": torch.zeros(shape), "noise": torch.zeros(shape)}
        if self.period > 1:
            state["age"] = torch.full((batch,), -1, dtype=torch.int32)
        return state

    def extras_spec(self) -> Mapping[str, ArraySpec]:
        """log mu of the stored action; with held latents also their age in steps."""
        log_prob = {"log_prob": ArraySpec(())}
        return log_prob if self.period == 1 else log_prob | {"age": ArraySpec((), "int32")}

    def act(
        self,
        timestep: Timestep,
        state: ActState,
        explore: bool,
        generator: torch.Generator | None = None,
    ) -> Acting:
        """Without ``explore``, means (or the likeliest action) at both levels."""
        first = timestep.is_first
        high: Gaussian = self.policy.high(timestep.observation)
        noise = self._noise(state["noise"], first, generator) if explore else state["noise"]
        latent = high.reparameterize(noise) if explore else high.mean
        held: dict[str, Tensor] = {}
        if self.period > 1:
            age = (state["age"] + 1).masked_fill_(first, 0) % self.period
            new = (age == 0).unsqueeze(-1)
            noise = torch.where(new, noise, state["noise"])
            latent = torch.where(new, latent, state["latent"])
            held["age"] = age
        low = self.policy.low(timestep.observation, latent)
        action = low.sample(generator) if explore else low.mode()
        extras = {"log_prob": low.log_prob(action), **held}
        return Acting(action, {"latent": latent, "noise": noise, **held}, extras)

    def skills(self) -> Skills:
        """The low level with latents from the default policy."""
        return Skills(self.policy, self.divergence, self.period)

    def _noise(self, last: Tensor, first: Tensor, generator: torch.Generator | None) -> Tensor:
        """eps_t: standard normal at every draw, AR(1) over the draws of an episode."""
        c = self.noise_correlation
        white = torch.empty_like(last).normal_(generator=generator)
        if c == 0.0:
            return white
        correlated = c * last + math.sqrt(1.0 - c * c) * white
        return torch.where(first.unsqueeze(-1), white, correlated)


def valid_rows(rows: Step) -> Tensor:
    """Whether a row of ``[T+1, B]`` carries a real action, bool, for all rows but the last."""
    return ~rows.is_first[1:]


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of ``values`` over the rows where ``mask`` is true, zero where none is.

    What the other rows hold makes no difference, not even NaN.
    """
    return values.masked_fill(~mask, 0.0).sum() / mask.sum().clamp(min=1)
