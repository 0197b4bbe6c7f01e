"""Learning, whatever the algorithm: batch -> losses -> gradients -> after_step -> metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from skill_train.learners.optimizers import GroupOptimizers
from skill_train.skill_agents.agent import Agent, Batch


class NonFiniteLossError(RuntimeError):
    """A loss, metric, gradient or weight that is NaN or infinite: the agent is broken."""


class Learner:
    """The training of one agent on one device; ``steps`` counts updates from 0."""

    def __init__(self, agent: Agent, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.agent = agent.to(self.device)
        self.optimizers = GroupOptimizers(agent.parameter_groups())
        self.steps = 0
        self._sums: dict[str, Tensor] = {}
        self._counted = 0

    def update(self, batch: Batch) -> None:
        """Learn from one drawn batch: one update for each of the agent's minibatches."""
        for minibatch in self.agent.minibatches(batch):
            self._learn(minibatch)
            self._counted += 1
            self.steps += 1
            self.agent.after_step(self.steps)

    def metrics(self) -> dict[str, float]:
        """Means of all metrics since the last call.

        Raises NonFiniteLossError if one is not finite.
        """
        if not self._counted:
            return {}
        means = torch.stack([s / self._counted for s in self._sums.values()]).tolist()
        result = dict(zip(self._sums, means, strict=True))
        for total in self._sums.values():
            total.zero_()
        self._counted = 0
        for name, value in result.items():
            if not math.isfinite(value):
                raise self._broken(name, value)
        return result

    def acting_weights(self) -> dict[str, Tensor]:
        """The weights that actors need, on the CPU.

        Raises NonFiniteLossError if any is not finite, so that no actor acts with it.
        """
        weights = self.agent.acting_weights()
        self._refuse_broken(weights)
        return weights

    def state_dict(self) -> dict[str, Any]:
        """Everything that an exact continuation needs, tensors and plain numbers only.

        Raises NonFiniteLossError if the agent is not finite, so that no checkpoint holds it.
        """
        agent = self.agent.state_dict()
        self._refuse_broken(agent)
        state = {
            "agent": agent,
            "optimizers": self.optimizers.state_dict(),
            "steps": self.steps,
            "rng": torch.get_rng_state(),
        }
        if self.device.type == "cuda":
            state["cuda_rng"] = torch.cuda.get_rng_state(self.device)
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a `state_dict`."""
        self.agent.load_state_dict(state["agent"])
        self.optimizers.load_state_dict(state["optimizers"])
        self.steps = int(state["steps"])
        torch.set_rng_state(state["rng"].cpu().to(torch.uint8))
        if self.device.type == "cuda" and "cuda_rng" in state:
            torch.cuda.set_rng_state(state["cuda_rng"].cpu(), self.device)

    def _learn(self, minibatch: Batch) -> None:
        """Update once, every tensor in place, so that the update can be captured and replayed."""
        losses, metrics = self.agent.losses(minibatch)
        norms = self.optimizers.step(losses)
        named = {f"loss/{k}": v for k, v in losses.items()}
        named |= {f"gradient_norm/{k}": v for k, v in norms.items()}
        for name, value in (named | metrics).items():
            if name not in self._sums:
                self._sums[name] = torch.zeros_like(value)
            self._sums[name].add_(value.detach())

    def _refuse_broken(self, tensors: Mapping[str, Tensor]) -> None:
        """Raise NonFiniteLossError unless all ``tensors`` are finite; a GPU's host waits once."""
        finite = torch.stack([tensor.isfinite().all() for tensor in tensors.values()]).tolist()
        for (name, tensor), is_finite in zip(tensors.items(), finite, strict=True):
            if not is_finite:
                raise self._broken(name, float(tensor[~tensor.isfinite()][0]))

    def _broken(self, name: str, value: float) -> NonFiniteLossError:
        return NonFiniteLossError(
            f"{name} is {value} at learner step {self.steps}: the run stops with its last "
            "good checkpoint; a smaller learning rate or bounded rewards may help"
        )


def best_device() -> torch.device:
    """A GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
