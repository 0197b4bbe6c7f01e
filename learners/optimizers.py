"""One Adam optimizer for each of an agent's parameter groups, each fed by its own loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from skill_agents.agent import Decay, ParameterGroup


class GroupOptimizers:
    """Takes every loss's gradient for its own group at the same parameters, then steps."""

    def __init__(self, groups: Mapping[str, ParameterGroup]) -> None:
        """``groups`` are all that the agent has; frozen parameters are left out of them."""
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

    def step(self, losses: Mapping[str, Tensor]) -> None:
        """One update of every group. Groups that are given the same tensor share one backward pass.

        Raises ValueError if the losses are not one for each group.
        """
        if losses.keys() != self._names:
            raise ValueError(
                f"the agent gave losses for {sorted(losses)} but has parameter groups "
                f"{sorted(self._names)}; each group needs one loss"
            )
        passes: dict[int, list[torch.nn.Parameter]] = {}
        for name, group in self.groups.items():
            passes.setdefault(id(losses[name]), []).extend(group.parameters)
        by_id = {id(loss): loss for loss in losses.values()}
        for i, (which, parameters) in enumerate(passes.items()):
            gradients = torch.autograd.grad(
                by_id[which], parameters, retain_graph=i + 1 < len(passes), allow_unused=True
            )
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient
        _separate([p for group in self.groups.values() for p in group.parameters])
        for name, group in self.groups.items():
            if group.max_grad_norm is not None:
                clip_grad_norm_(group.parameters, group.max_grad_norm)
            self.adams[name].step()
            if group.decay is not None:
                _slow_down(self.adams[name], group.learning_rate, group.decay)

    def capturable(self, can: bool) -> None:
        """Whether `step` may be captured in a CUDA graph; Adam asks to be told."""
        for adam in self.adams.values():
            for group in adam.param_groups:
                group["capturable"] = can

    def state_dict(self) -> dict[str, Any]:
        """Moments and step counts by group."""
        return {name: adam.state_dict() for name, adam in self.adams.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        for name, adam in self.adams.items():
            adam.load_state_dict(state[name])
        self.capturable(False)  # the state may come from a learner that captures


def _separate(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Give every gradient memory of its own, laid out as its parameter's.

    `torch.autograd.grad` promises neither. Fused Adam reads memory in order, whatever the strides
    (a convolution's gradient is channels-last where its images are), and clipping would scale a
    gradient that two parameters share twice.
    """
    taken = set()
    for parameter in parameters:
        gradient = parameter.grad
        if gradient is not None:
            memory = gradient.untyped_storage().data_ptr()
            if memory in taken or gradient.stride() != parameter.stride():
                parameter.grad = torch.empty_like(parameter).copy_(gradient)
            taken.add(memory)


def _slow_down(adam: torch.optim.Adam, learning_rate: float, decay: Decay) -> None:
    """Set the rate of the next update; the count lies beside it, in what the optimizer saves."""
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
