"""Whole trials, a few of each task: the steps that count, returns, and their normalisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from skill_train.replay.step import Step
from skill_train.skill_agents.ops.masked import masked_mean
from skill_train.skill_agents.ops.pop_art import Moments, update_moments
from skill_train.skill_agents.ops.returns import discounted_returns


class Trials(NamedTuple):
    """The rows of a batch that carry an action: ``[T, N, B]`` of N tasks."""

    observation: Mapping[str, Tensor]
    action: Tensor
    log_mu: Tensor
    """log mu(a) of the policy that acted."""
    reward: Tensor
    discount: Tensor
    """gamma, or 0 where the episode terminated."""
    acted: Tensor
    """bool: whether the row is no padding."""
    counted: Tensor
    """bool: whether the row was acted and its return is as good as complete (see `read`)."""
    task: Tensor
    """Indices ``[N]`` of the tasks."""


def read(rows: Step, gamma: float) -> Trials:
    """The steps of trials ``[T+1, N, B]``.

    A return is complete if the episode terminated. Where a time limit cut an episode of L steps,
    only steps t <= L - H with H = 1 / (1 - gamma) count (Petangoda et al., appendix B.1).
    """
    acted, now = rows.valid(), rows.map(lambda leaf: leaf[:-1])
    length = acted.sum(0)
    terminated = (acted & (now.discount == 0.0)).any(0)
    t = torch.arange(len(acted), device=acted.device).reshape(-1, 1, 1)
    complete = terminated | (t <= length - 1.0 / (1.0 - gamma))
    return Trials(
        observation=now.observation,
        action=now.action,
        log_mu=now.extras["log_prob"],
        reward=now.reward,
        discount=gamma * now.discount,
        acted=acted,
        counted=acted & complete,
        task=rows.task[0, :, 0].long(),
    )


def returns(played: Trials, reward: Tensor) -> Tensor:
    """R~_t = sum_{h >= t} gamma^{h-t} reward_h, ``[T, N, B]``, without a gradient."""
    reward = torch.where(played.acted, reward, 0.0).detach()
    return discounted_returns(reward, played.discount, torch.zeros_like(reward[0]))


class ReturnScale(nn.Module):
    """Running mean and variance of each task's returns (Pop-Art)."""

    def __init__(self, num_tasks: int, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.mean: Tensor
        self.variance: Tensor
        self.updates: Tensor
        self.register_buffer("mean", torch.zeros(num_tasks))
        self.register_buffer("variance", torch.ones(num_tasks))
        self.register_buffer("updates", torch.zeros(num_tasks))

    def update(self, value: Tensor, played: Trials) -> None:
        """Take in a batch of returns ``[T, N, B]``; call it before `normalise`.

        The first 1 / rate batches are averaged alike, so that the start does not matter. A batch
        without a counted step of a task leaves that task's moments.
        """
        task = played.task
        self.updates[task] += played.counted.any(2).any(0)
        rate = (1.0 / self.updates[task]).clamp(min=self.rate)
        moments = update_moments(self.moments(task), value, played.counted, rate)
        self.mean[task], self.variance[task] = moments.mean, moments.variance

    def moments(self, task: Tensor) -> Moments:
        """Moments ``[N]`` of the returns of tasks ``[N]``."""
        return Moments(self.mean[task], self.variance[task])

    def normalise(self, value: Tensor, task: Tensor) -> Tensor:
        """Returns ``[T, N, B]`` at zero mean and unit variance."""
        moments = self.moments(task)
        return (value - moments.mean.unsqueeze(-1)) / moments.std().unsqueeze(-1)


def sum_over_steps(value: Tensor, played: Trials) -> Tensor:
    """The sum over the counted steps of a trial, averaged over trials and tasks; a scalar."""
    return torch.where(played.counted, value, 0.0).sum(0).mean()


def mean_over_steps(value: Tensor, played: Trials) -> Tensor:
    """The mean over every step that was acted, for metrics."""
    return masked_mean(value.detach(), played.acted)
