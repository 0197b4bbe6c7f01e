"""The variational model: ELBO_t of whole trials from every belief q_t (eqs. 5 and 6).

    ELBO_t = E_{m ~ q_t} [ sum_i log p(transition i | m) ]  -  kl_weight KL(q_t || p)

The sum runs over the whole trial, past and future (`whole_trial`), or over the past alone
(`past_only`, the ablation); p is N(0, I) (`standard_normal`) or q_{t-1} (`previous_posterior`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor, nn
from typing_extensions import override

from skill_train.replay.step import Step
from skill_train.replay.tables import Draw, TableSpec, trials
from skill_train.skill_agents.agent import EnvironmentSpec, Metrics
from skill_train.skill_agents.nets.gaussian import Gaussian
from skill_train.skill_agents.ops.divergence import gaussian_kl
from skill_train.skill_agents.ops.masked import masked_mean
from skill_train.skill_agents.ranges import Count, NonNegative
from skill_train.skill_agents.vate.beliefs import Belief, gaussian_of
from skill_train.skill_agents.vate.decoders import CellRewardConfig, DecoderConfig

TABLE = "model"


def whole_trial(t: Tensor, i: Tensor) -> Tensor:
    """Let every q_t ``t [S]`` explain every transition ``i [T]``: bool ``[S, T]``."""
    return torch.ones(len(t), len(i), dtype=torch.bool, device=t.device)


def past_only(t: Tensor, i: Tensor) -> Tensor:
    """Let q_t ``t [S]`` explain past transitions ``i [T]``, i < t: bool ``[S, T]``."""
    return i < t.unsqueeze(-1)


def standard_normal(belief: Gaussian) -> Tensor:
    """KL(q_t || N(0, I)) of every row, ``[T+1, B]``."""
    zero, one = torch.zeros_like(belief.mean), torch.ones_like(belief.std)
    return gaussian_kl(belief.mean, belief.std, zero, one)


def previous_posterior(belief: Gaussian) -> Tensor:
    """KL(q_t || q_{t-1}) of every row, and KL(q_0 || N(0, I)) of the first, ``[T+1, B]``."""
    first_mean, first_std = torch.zeros_like(belief.mean[:1]), torch.ones_like(belief.std[:1])
    mean = torch.cat([first_mean, belief.mean[:-1]])
    std = torch.cat([first_std, belief.std[:-1]])
    return gaussian_kl(belief.mean, belief.std, mean, std)


SPANS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "whole_trial": whole_trial,
    "past_only": past_only,
}
PRIORS: dict[str, Callable[[Gaussian], Tensor]] = {
    "standard_normal": standard_normal,
    "previous_posterior": previous_posterior,
}


class ModelConfig(ABC):
    """The choice of a model of the task, or of none; `build` makes it."""

    @abstractmethod
    def build(self, spec: EnvironmentSpec, belief: Belief) -> Model:
        """The model, freshly initialised."""

    def tiny(self) -> Self:
        """The same model, learned from few trials."""
        return self

    def tables(self, max_length: int) -> tuple[TableSpec, ...]:
        """The model's own tables, of trials of up to ``max_length`` actions."""
        return ()

    def draws(self, updates: int) -> Mapping[str, Draw]:
        """The model's draws for ``updates`` updates."""
        return {}


class Model(nn.Module, ABC):
    """The part of the loss that shapes the belief beside the rewards."""

    @abstractmethod
    def loss(
        self, beliefs: Mapping[str, Tensor], batch: Mapping[str, Step]
    ) -> tuple[Tensor, Metrics]:
        """A scalar loss of belief and model; ``beliefs`` are those at the rows of each draw."""


@dataclass(frozen=True)
class NoModelConfig(ModelConfig):
    """No model, for RL2 and the oracle: the belief learns from rewards alone, or not at all."""

    @override
    def build(self, spec: EnvironmentSpec, belief: Belief) -> NoModel:
        return NoModel()


class NoModel(Model):
    """No model: a loss of zero."""

    @override
    def loss(
        self, beliefs: Mapping[str, Tensor], batch: Mapping[str, Step]
    ) -> tuple[Tensor, Metrics]:
        return torch.zeros(()), {}


@dataclass(frozen=True)
class VariationalModelConfig(ModelConfig):
    """VATE's model; the paper gives no numbers, these are near the public implementation's."""

    decoder: DecoderConfig = field(default_factory=CellRewardConfig)
    span: str = "whole_trial"  # eq. 5; "past_only" is the ablation of section 5
    prior: str = "standard_normal"  # section 3.2; "previous_posterior" is variBAD's
    kl_weight: NonNegative = 0.1  # eq. 5: 1
    sampled_rows: Count | None = None
    """Rows t of a trial whose belief is decoded, drawn afresh for each batch; None: all."""
    batch_size: Count = 25  # public implementation
    buffer_trials: Count = 5_000

    def __post_init__(self) -> None:
        if self.span not in SPANS or self.prior not in PRIORS:
            raise ValueError(
                f"span is one of {sorted(SPANS)} and prior one of {sorted(PRIORS)}, "
                f"not {self.span!r} and {self.prior!r}"
            )
        if self.sampled_rows is not None and self.sampled_rows < 1:
            raise ValueError("sampled_rows must be at least 1, or None for all")

    @override
    def build(self, spec: EnvironmentSpec, belief: Belief) -> VariationalModel:
        return VariationalModel(self, spec, belief)

    @override
    def tiny(self) -> Self:
        return replace(self, batch_size=2, buffer_trials=200)

    def tables(self, max_length: int) -> tuple[TableSpec, ...]:
        """A buffer of trials of many policies: their information on the task does not age."""
        least = min(self.batch_size, self.buffer_trials)
        return (trials(TABLE, max_length, self.buffer_trials, min_items=least),)

    def draws(self, updates: int) -> Mapping[str, Draw]:
        """One batch for each update."""
        return {TABLE: Draw(TABLE, updates * self.batch_size)}


class VariationalModel(Model):
    """The decoder, and the ELBO over trials of a buffer."""

    def __init__(
        self, config: VariationalModelConfig, spec: EnvironmentSpec, belief: Belief
    ) -> None:
        super().__init__()
        self.config = config
        self.decoder = config.decoder.build(spec, belief.size // 2)
        self.explains, self.kl = SPANS[config.span], PRIORS[config.prior]

    def loss(
        self, beliefs: Mapping[str, Tensor], batch: Mapping[str, Step]
    ) -> tuple[Tensor, Metrics]:
        """Minus the mean over t of ELBO_t, averaged over trials."""
        rows = batch[TABLE]
        counted = rows.valid()
        posterior = gaussian_of(beliefs[TABLE])
        kl = self.kl(posterior)
        t = self._rows(len(rows.reward), rows.reward.device)
        q = Gaussian(posterior.mean[t], posterior.std[t])
        log_p = self.decoder(q.reparameterize(torch.randn_like(q.mean)), rows)  # [S, T, B]
        i = torch.arange(len(counted), device=t.device)
        explained = self.explains(t, i).unsqueeze(-1) & counted
        log_likelihood = torch.where(explained, log_p, 0.0).sum(1)  # [S, B]
        in_trial = torch.cat([torch.ones_like(counted[:1]), counted])
        elbo = log_likelihood - self.config.kl_weight * kl[t]
        metrics = {
            "log_likelihood_nats": masked_mean(log_likelihood.detach(), in_trial[t]),
            "kl_nats": masked_mean(kl.detach(), in_trial),
            "belief_entropy_last_nats": posterior.entropy()[-1].mean().detach(),
        }
        return -masked_mean(elbo, in_trial[t]), metrics

    def _rows(self, length: int, device: torch.device) -> Tensor:
        number = self.config.sampled_rows
        if number is None or number >= length:
            return torch.arange(length, device=device)
        return torch.randperm(length, device=device)[:number].sort().values
