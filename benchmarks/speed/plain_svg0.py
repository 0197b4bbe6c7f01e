"""SVG(0) with Retrace and an AR(1) latent prior, written plainly, for `benchmarks.speed.learner`.

The maths is that of `skill_agents.hierarchical_kl.svg0`, with a shared low level and a new latent
at each step, as a careful researcher would write it in eager PyTorch: every sampled action is put
beside its observation and latent, the bootstrap values and the policy's objective are evaluated
separately, and each network has its own Adam. Nothing of skill_train is imported.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F


class PlainConfig(NamedTuple):
    proprioception: int
    task: int
    actions: int
    latent: int = 10
    high_sizes: tuple[int, ...] = (200,)
    low_sizes: tuple[int, ...] = (200, 100)
    critic_sizes: tuple[int, ...] = (400, 300)
    samples: int = 10
    correlation: float = 0.95
    kl_cost: float = 1e-3
    entropy_cost: float = 1e-4
    gamma: float = 0.99
    initial_action_std: float = 0.7
    learning_rate: float = 1e-4
    critic_learning_rate: float = 1e-4
    target_update_period: int = 100


class PlainBatch(NamedTuple):
    """Time-major ``[T+2, B, ...]``: a context row, T steps, a bootstrap row."""

    proprioception: Tensor
    task: Tensor
    action: Tensor
    reward: Tensor
    discount: Tensor
    is_first: Tensor
    log_mu: Tensor


class Noise(NamedTuple):
    latent: Tensor
    """Noise of the latents, ``[T+2, B, D]``."""
    now: Tensor
    """Noise of the actions that train the policy, ``[M, T, B, A]``."""
    later: Tensor
    """Noise of the actions that estimate the next rows' values, ``[M, T, B, A]``."""


def network(inputs: int, sizes: tuple[int, ...], outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Linear(inputs, sizes[0]), nn.LayerNorm(sizes[0]), nn.Tanh()]
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ELU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], outputs))


class PlainSVG0:
    def __init__(self, config: PlainConfig) -> None:
        c = self.config = config
        seen = c.proprioception + c.task
        self.high = network(seen, c.high_sizes, 2 * c.latent)
        self.low = network(c.proprioception + c.latent, c.low_sizes, 2 * c.actions)
        self.critic = network(seen + c.latent + c.actions, c.critic_sizes, 1)
        self.target_critic = network(seen + c.latent + c.actions, c.critic_sizes, 1)
        self.target_critic.load_state_dict(self.critic.state_dict())
        policy = [*self.high.parameters(), *self.low.parameters()]
        self.policy_adam = torch.optim.Adam(policy, c.learning_rate)
        self.critic_adam = torch.optim.Adam(self.critic.parameters(), c.critic_learning_rate)
        self.steps = 0

    def update(self, batch: PlainBatch) -> None:
        policy_loss, critic_loss = self.losses(batch, self.draw(batch))
        self.policy_adam.zero_grad()
        policy_loss.backward()
        self.policy_adam.step()
        self.critic_adam.zero_grad()
        critic_loss.backward()
        self.critic_adam.step()
        self.steps += 1
        if self.steps % self.config.target_update_period == 0:
            self.target_critic.load_state_dict(self.critic.state_dict())

    def draw(self, batch: PlainBatch) -> Noise:
        c, (rows, size) = self.config, batch.reward.shape
        samples = (c.samples, rows - 2, size, c.actions)
        return Noise(torch.randn(rows, size, c.latent), torch.randn(samples), torch.randn(samples))

    def losses(self, batch: PlainBatch, noise: Noise) -> tuple[Tensor, Tensor]:
        """The losses (policy, critic)."""
        c = self.config
        seen = torch.cat([batch.proprioception, batch.task], -1)
        mean, raw = self.high(seen).chunk(2, -1)
        high = Normal(mean, _std(raw, 1.0))
        latent = high.mean + high.stddev * noise.latent
        mean, raw = self.low(torch.cat([batch.proprioception, latent], -1)).chunk(2, -1)
        low = Normal(torch.tanh(mean), _std(raw, c.initial_action_std))

        last = torch.cat([torch.zeros_like(latent[:1]), latent[:-1]])
        first = batch.is_first.unsqueeze(-1)
        prior = Normal(
            torch.where(first, 0.0, c.correlation * last),
            torch.where(first, 1.0, math.sqrt(1.0 - c.correlation**2)),
        )
        kl = kl_divergence(high, prior).sum(-1)

        now, later = slice(1, -1), slice(2, None)
        valid = (~batch.is_first[later]).to(batch.reward.dtype)
        held = latent.detach()
        with torch.no_grad():
            actions = low.mean[later] + low.stddev[later] * noise.later
            v = self.q_of_samples(seen[later], held[later], actions) - c.kl_cost * kl[later]
            q = self.q(self.target_critic, seen[now], held[now], batch.action[now])
            log_pi = Normal(low.mean[now], low.stddev[now]).log_prob(batch.action[now]).sum(-1)
            trace = (log_pi - batch.log_mu[now]).exp().clamp(max=1.0) * valid
            discount = c.gamma * batch.discount[now]
            delta = batch.reward[now] + discount * v - q
            target = torch.empty_like(q)
            carried = torch.zeros_like(q[0])
            for t in reversed(range(len(q))):
                carried = delta[t] + carried
                target[t] = q[t] + carried
                if t > 0:
                    carried = discount[t - 1] * trace[t] * carried
        predicted = self.q(self.critic, seen[now], held[now], batch.action[now])
        critic_loss = ((target - predicted).square() * valid).sum() / valid.sum().clamp(min=1.0)

        actions = low.mean[now] + low.stddev[now] * noise.now
        value = self.q_of_samples(seen[now], held[now], actions)
        entropy = low.entropy().sum(-1)[now]
        objective = value - c.kl_cost * kl[now] + c.entropy_cost * entropy
        policy_loss = -(objective * valid).sum() / valid.sum().clamp(min=1.0)
        return policy_loss, critic_loss

    def q(self, critic: nn.Module, seen: Tensor, latent: Tensor, action: Tensor) -> Tensor:
        inputs = torch.cat([seen, latent, action.clamp(-1.0, 1.0)], -1)
        value: Tensor = critic(inputs).squeeze(-1)
        return value

    def q_of_samples(self, seen: Tensor, latent: Tensor, actions: Tensor) -> Tensor:
        """The mean of Q' over the M ``actions [M, T, B, A]``."""
        samples = len(actions)
        seen = seen.expand(samples, *seen.shape)
        latent = latent.expand(samples, *latent.shape)
        return self.q(self.target_critic, seen, latent, actions).mean(0)


def _std(raw: Tensor, initial: float, minimum: float = 0.1) -> Tensor:
    return F.softplus(raw + math.log(math.expm1(initial - minimum))) + minimum
