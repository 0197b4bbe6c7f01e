"""Gradients of every group's own loss, all at the same parameters, and their norms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from skill_train.skill_agents.agent import ParameterGroup


def take_gradients(losses: Mapping[str, Tensor], groups: Mapping[str, ParameterGroup]) -> None:
    """Set ``grad`` of every group's parameters to the gradient of the loss of that name.

    Groups whose loss is the same tensor share one backward pass. A parameter that its loss does
    not reach gets None.
    """
    passes: dict[int, list[torch.nn.Parameter]] = {}
    for name, group in groups.items():
        passes.setdefault(id(losses[name]), []).extend(group.parameters)
    by_id = {id(loss): loss for loss in losses.values()}
    for i, (which, parameters) in enumerate(passes.items()):
        gradients = torch.autograd.grad(
            by_id[which], parameters, retain_graph=i + 1 < len(passes), allow_unused=True
        )
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
    _separate([p for group in groups.values() for p in group.parameters])


def clip_gradient(group: ParameterGroup) -> Tensor:
    """Scale the group's gradient down to its ``max_grad_norm``; return the norm before.

    The norm is a scalar. In a group of stacked networks, each network is scaled by itself.
    """
    gradients = [p.grad for p in group.parameters if p.grad is not None]
    if not gradients:
        return torch.zeros((), device=group.parameters[0].device)
    norm = get_total_norm(gradients)
    if group.max_grad_norm is not None:
        if group.stacked:
            _clip_each_network(gradients, group.max_grad_norm)
        else:
            clip_grads_with_norm_(group.parameters, group.max_grad_norm, norm)
    return norm


def _clip_each_network(gradients: list[Tensor], max_norm: float) -> None:
    """Clip gradients ``[N, ...]`` of N stacked networks as torch clips those of one."""
    by_parameter = [torch.linalg.vector_norm(g.reshape(len(g), -1), dim=1) for g in gradients]
    norms = torch.linalg.vector_norm(torch.stack(by_parameter), dim=0)
    scale = (max_norm / (norms + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(scale.reshape(-1, *[1] * (gradient.ndim - 1)))


def _separate(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Give every gradient its own memory, with the strides of its parameter.

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
