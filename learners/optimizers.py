"""One Adam optimizer for each of an agent's parameter groups, each fed by its own loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from skill_train.learners.gradients import clip_gradient, take_gradients
from skill_train.skill_agents.agent import Decay, ParameterGroup


class GroupOptimizers:
    """The groups' optimizers, which take all gradients at the same parameters before any steps."""

    def __init__(self, groups: Mapping[str, ParameterGroup]) -> None:
        """Make an optimizer for each of the agent's ``groups``, without frozen parameters."""
        _refuse_overlap(groups)
        self._names = groups.keys()
        self.groups = {
            name: group._replace(parameters=learned)
            for name, group in groups.items()
            if (learned := [p for p in group.parameters if p.requires_grad])
        }
        self.adams = {
            name: torch.optim.Adam(
                group.parameters, lr=group.learning_rate, eps=group.adam_eps, fused=True
            )
            for name, group in self.groups.items()
        }

    def step(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Update every group that learns; return gradient norms before clipping, by group name.

        Raises ValueError if the losses are not one for each group.
        """
        if losses.keys() != self._names:
            raise ValueError(
                f"the agent gave losses for {sorted(losses)} but has parameter groups "
                f"{sorted(self._names)}; each group needs one loss"
            )
        take_gradients(losses, self.groups)
        norms = {}
        for name, group in self.groups.items():
            norms[name] = clip_gradient(group)
            self.adams[name].step()
            if group.decay is not None:
                _slow_down(self.adams[name], group.learning_rate, group.decay)
        return norms

    def capturable(self, can: bool) -> None:
        """Set whether `step` may be captured in a CUDA graph, which Adam must know."""
        for adam in self.adams.values():
            for group in adam.param_groups:
                group["capturable"] = can

    def state_dict(self) -> dict[str, Any]:
        """Moments and step counts by group."""
        return {name: adam.state_dict() for name, adam in self.adams.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore moments and step counts from a `state_dict`."""
        for name, adam in self.adams.items():
            adam.load_state_dict(state[name])
        self.capturable(False)  # the state may come from a learner that captures


def _slow_down(adam: torch.optim.Adam, learning_rate: float, decay: Decay) -> None:
    """Set the learning rate of the next update; the optimizer saves the count of updates too."""
    for options in adam.param_groups:
        options["updates"] = options.get("updates", 0) + 1
        options["lr"] = learning_rate * decay.share(options["updates"])


def _refuse_overlap(groups: Mapping[str, ParameterGroup]) -> None:
    owner: dict[int, str] = {}
    for name, group in groups.items():
        for parameter in group.parameters:
            if id(parameter) in owner:
                raise ValueError(
                    f"parameter groups {owner[id(parameter)]!r} and {name!r} share a parameter; "
                    "each parameter belongs to one loss"
                )
            owner[id(parameter)] = name
