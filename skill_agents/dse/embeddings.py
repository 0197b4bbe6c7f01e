"""Skill embeddings: q_delta(z | i) of the dynamics and q_omega(g | j) of the goal, and baselines.

An embedding gives each task of the grid a diagonal Gaussian over latents. It takes tasks by their
index in the family, ``i * J + j``, and the noise that draws a latent: trials store the noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from typing_extensions import override

from skill_train.skill_agents.agent import EnvironmentSpec
from skill_train.skill_agents.nets.gaussian import Gaussian
from skill_train.skill_agents.ops.divergence import gaussian_kl
from skill_train.skill_agents.ranges import Count, NonNegative, Positive


class IndexedGaussian(nn.Module):
    """One learned diagonal Gaussian ``[D]`` for each index."""

    def __init__(self, count: int, size: int, initial_spread: float, initial_std: float) -> None:
        super().__init__()
        self.size = size
        self.mean = nn.Parameter(initial_spread * torch.randn(count, size))
        self.log_std = nn.Parameter(torch.full((count, size), initial_std).log())

    def forward(self, index: Tensor) -> Gaussian:
        """The Gaussians ``[K, D]`` of indices ``[K]``."""
        return Gaussian(self.mean[index], self.log_std[index].exp())

    def divergence(self) -> Tensor:
        """KL(q || N(0, I)) of every index, ``[count]``."""
        std = self.log_std.exp()
        return gaussian_kl(self.mean, std, torch.zeros_like(std), torch.ones_like(std))

    def log_ratio(self, index: Tensor, latent: Tensor) -> Tensor:
        """log q(latent | index) - log p(latent), ``[..., K, B]`` for latents ``[..., K, B, D]``."""
        mean, log_std = self.mean[index].unsqueeze(-2), self.log_std[index].unsqueeze(-2)
        noise = (latent - mean) / log_std.exp()
        return (0.5 * (latent.square() - noise.square()) - log_std).sum(-1)

    def cost(self, index: Tensor) -> Tensor:
        """KL, summed over the indices ``[K]`` of K tasks and all indices without one, over K."""
        every = torch.arange(len(self.mean), device=index.device)
        number = (index.unsqueeze(-1) == every).sum(0).clamp(min=1)
        return (number * self.divergence()).sum() / len(index)


class Embedding(nn.Module):
    """Latents of tasks; noise and latents have ``size`` components."""

    size: int

    def forward(self, task: Tensor, noise: Tensor) -> Tensor:
        """Latents ``[..., N, B, size]`` of tasks ``[N]`` from standard noise of that shape."""
        raise NotImplementedError

    def noise(self, environments: int, explore: bool, generator: torch.Generator | None) -> Tensor:
        """Noise for acting in B environments, ``[B, 1, size]``; zero without ``explore``."""
        noise = torch.zeros(environments, 1, self.size)
        return noise.normal_(generator=generator) if explore else noise

    def cost(self) -> Tensor:
        """The embeddings' KL terms of one step (eq. 1), weighted, averaged over the indices."""
        raise NotImplementedError

    def metrics(self) -> Mapping[str, Tensor]:
        """Every component of the latents' means and standard deviations, by name."""
        return {
            f"latent/{name}_{index}_{moment}_{d}": value
            for name, part in self.groups().items()
            for moment, values in (("mean", part.mean), ("std", part.log_std.exp()))
            for index, row in enumerate(values.detach())
            for d, value in enumerate(row)
        }

    def information(self, task: Tensor, latent: Tensor) -> Tensor:
        """KL terms at drawn latents, ``[..., N, B]``: sum of log(q / p) / alpha (eq. 2)."""
        raise NotImplementedError

    def groups(self) -> Mapping[str, IndexedGaussian]:
        """The parts by name, each a parameter group in DSE-SAC."""
        raise NotImplementedError

    def cost_of(self, task: Tensor) -> Tensor:
        """KL terms in closed form, weighted and averaged over tasks ``[N]`` (eq. 4)."""
        raise NotImplementedError


class Disentangled(Embedding):
    """The paper's embedding: z of the dynamics and g of the goal; the latent is (z, g)."""

    def __init__(self, config: DisentangledConfig, spec: EnvironmentSpec) -> None:
        super().__init__()
        spread, std = config.initial_spread, config.initial_std
        self.dynamics = IndexedGaussian(spec.num_dynamics, config.dynamics_size, spread, std)
        self.goal = IndexedGaussian(spec.num_goals, config.goal_size, spread, std)
        self.num_goals = spec.num_goals
        self.size = config.size
        self.alphas = config.alpha_dynamics, config.alpha_goal

    def gaussian(self, task: Tensor) -> Gaussian:
        """The product q(z | i) q(g | j) of tasks ``[N]`` as one Gaussian ``[N, size]``."""
        z, g = self.dynamics(task // self.num_goals), self.goal(task % self.num_goals)
        return Gaussian(torch.cat([z.mean, g.mean], -1), torch.cat([z.std, g.std], -1))

    def forward(self, task: Tensor, noise: Tensor) -> Tensor:
        """Latents ``[..., N, B, size]``, z and g side by side."""
        mean, std = self.gaussian(task)
        return mean.unsqueeze(-2) + std.unsqueeze(-2) * noise

    def cost(self) -> Tensor:
        """E_i KL_i / alpha_d + E_j KL_j / alpha_r."""
        alpha_d, alpha_r = self.alphas
        return self.dynamics.divergence().mean() / alpha_d + self.goal.divergence().mean() / alpha_r

    def information(self, task: Tensor, latent: Tensor) -> Tensor:
        """log(q / p)(z) / alpha_d + log(q / p)(g) / alpha_r."""
        z, g = latent.split([self.dynamics.size, self.goal.size], -1)
        alpha_d, alpha_r = self.alphas
        of_z = self.dynamics.log_ratio(task // self.num_goals, z) / alpha_d
        return of_z + self.goal.log_ratio(task % self.num_goals, g) / alpha_r

    def groups(self) -> Mapping[str, IndexedGaussian]:
        """The Gaussians of delta and omega."""
        return {"dynamics": self.dynamics, "goal": self.goal}

    def cost_of(self, task: Tensor) -> Tensor:
        """KL terms of z by the tasks' dynamics and of g by their goals."""
        alpha_d, alpha_r = self.alphas
        of_z = self.dynamics.cost(task // self.num_goals) / alpha_d
        return of_z + self.goal.cost(task % self.num_goals) / alpha_r


class SingleEmbedding(Embedding):
    """Baseline: one latent for each task, which may mix dynamics and goal."""

    def __init__(self, config: SingleEmbeddingConfig, spec: EnvironmentSpec) -> None:
        super().__init__()
        spread, std = config.initial_spread, config.initial_std
        self.task = IndexedGaussian(spec.num_tasks, config.size, spread, std)
        self.size = config.size
        self.alpha = config.alpha

    @override
    def forward(self, task: Tensor, noise: Tensor) -> Tensor:
        mean, std = self.task(task)
        return mean.unsqueeze(-2) + std.unsqueeze(-2) * noise

    def cost(self) -> Tensor:
        """E_ij KL_ij / alpha."""
        return self.task.divergence().mean() / self.alpha

    def information(self, task: Tensor, latent: Tensor) -> Tensor:
        """log(q / p) / alpha."""
        return self.task.log_ratio(task, latent) / self.alpha

    @override
    def groups(self) -> Mapping[str, IndexedGaussian]:
        return {"task_embedding": self.task}

    @override
    def cost_of(self, task: Tensor) -> Tensor:
        return self.task.cost(task) / self.alpha


class NoEmbedding(Embedding):
    """A latent of size 0, for policies that share nothing."""

    size = 0

    def __init__(self) -> None:
        super().__init__()
        self.zero: Tensor
        self.register_buffer("zero", torch.zeros(()), persistent=False)

    @override
    def forward(self, task: Tensor, noise: Tensor) -> Tensor:
        return noise

    @override
    def cost(self) -> Tensor:
        return self.zero

    @override
    def information(self, task: Tensor, latent: Tensor) -> Tensor:
        return torch.zeros_like(latent[..., :0].sum(-1))

    @override
    def groups(self) -> Mapping[str, IndexedGaussian]:
        return {}

    @override
    def cost_of(self, task: Tensor) -> Tensor:
        return self.zero


@dataclass(frozen=True)
class DisentangledConfig:
    """q_delta and q_omega; the defaults are table 1's."""

    dynamics_size: Count = 2  # Table 1, dim z
    goal_size: Count = 2  # Table 1, dim g
    alpha_dynamics: Positive = 50_000.0  # Table 1
    alpha_goal: Positive = 1_000.0  # Table 1
    initial_spread: NonNegative = 1.0  # of the means; not given: the prior's
    initial_std: Positive = 1.0  # not given: the prior's

    @property
    def size(self) -> int:
        """Components of a latent (z, g)."""
        return self.dynamics_size + self.goal_size

    def build(self, spec: EnvironmentSpec) -> Embedding:
        """The embeddings, freshly initialised."""
        return Disentangled(self, spec)


@dataclass(frozen=True)
class SingleEmbeddingConfig:
    """One latent for each task, of the size of z and g together (appendix B.3)."""

    size: Count = 4  # Appendix B.3
    alpha: Positive = 1_000.0  # Table 1 has two; the goal's, as the latent holds the goal too
    initial_spread: NonNegative = 1.0  # as in `DisentangledConfig`
    initial_std: Positive = 1.0

    def build(self, spec: EnvironmentSpec) -> Embedding:
        """The embedding, freshly initialised."""
        return SingleEmbedding(self, spec)


@dataclass(frozen=True)
class NoEmbeddingConfig:
    """No latents, for independent learners."""

    @property
    def size(self) -> int:
        """Components of a latent: none."""
        return 0

    def build(self, spec: EnvironmentSpec) -> Embedding:
        """An embedding of size 0."""
        return NoEmbedding()


EmbeddingConfig = DisentangledConfig | SingleEmbeddingConfig | NoEmbeddingConfig
