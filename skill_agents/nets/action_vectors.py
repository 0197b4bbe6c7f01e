"""Actions as inputs of a network."""

from __future__ import annotations

import torch
from torch import Tensor

from skill_train.skill_agents.agent import ContinuousAction, EnvironmentSpec


class ActionVectors:
    """Actions as vectors ``[..., size]``: as they are, or indices as one-hot."""

    def __init__(self, spec: EnvironmentSpec) -> None:
        self._continuous = isinstance(spec.action, ContinuousAction)
        self.size = (
            spec.action.size if isinstance(spec.action, ContinuousAction) else spec.action.count
        )

    def __call__(self, action: Tensor, like: Tensor) -> Tensor:
        """Actions ``[..., A]`` or indices ``[...]``, in the type of ``like``."""
        if not self._continuous:
            # torch's one_hot looks at the numbers, which a GPU's host would wait for.
            indices = torch.arange(self.size, device=action.device)
            action = action.unsqueeze(-1) == indices
        return action.to(like.dtype)
