"""The smallest agent with two parameter groups: numbers that chase each other and the data."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from skill_train.replay.step import Step
from skill_train.skill_agents.agent import Acting, Agent, ParameterGroup


class TinyAgent(Agent):
    """``actor`` follows the critic plus noise; ``critic`` follows the actor plus the reward."""

    acting_parts = ("actor",)

    def __init__(self, max_grad_norm: float | None = None, epochs: int = 1) -> None:
        super().__init__()
        self.actor = nn.Linear(1, 1, bias=False)
        self.critic = nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.actor.weight, 1.0)
        nn.init.constant_(self.critic.weight, 2.0)
        self.max_grad_norm = max_grad_norm
        self.epochs = epochs
        self.steps_seen: list[int] = []

    def act(self, timestep, state, explore, generator=None):
        return Acting(self.actor(timestep.reward.unsqueeze(-1)), state, {})

    def parameter_groups(self):
        return {
            "actor": ParameterGroup(list(self.actor.parameters()), 0.1, self.max_grad_norm),
            "critic": ParameterGroup(list(self.critic.parameters()), 0.2),
        }

    def minibatches(self, batch):
        return [batch] * self.epochs

    def losses(self, batch):
        reward = batch["rows"].reward.mean()
        a, c = self.actor.weight.sum(), self.critic.weight.sum()
        noise = 0.1 * torch.randn(())
        losses = {"actor": (a - c + noise).square(), "critic": (c - 3.0 * a - reward).square()}
        return losses, {"reward": reward}

    def after_step(self, step):
        self.steps_seen.append(step)


def rows(reward: float = 0.5) -> Step:
    """Two transitions with this reward, as NumPy arrays."""
    zeros = np.zeros((2, 2), np.float32)
    return Step({}, zeros, zeros + np.float32(reward), zeros, zeros > 0, zeros, zeros, {})


def batch(reward: float = 0.5) -> dict[str, Step]:
    """The same as a batch of tensors."""
    numpy = rows(reward)
    tensors = (torch.from_numpy(x) for x in numpy[1:-1])
    return {"rows": Step({}, *tensors, {})}
