"""Networks of soft actor-critic: a policy and critics for each task, all tasks at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from skill_train.skill_agents.agent import ContinuousAction, EnvironmentSpec
from skill_train.skill_agents.nets.squashed_gaussian import SquashedGaussian
from skill_train.skill_agents.nets.stacked_mlp import StackedMLP, per_task
from skill_train.skill_agents.nets.view import View


class Policy(nn.Module):
    """pi(u | s) with u in (-1, 1), the action before it is stretched to the task's bounds.

    A network for each task of the family. Raises ValueError for groups with an encoder if there is
    more than one task, as the tasks would share it.
    """

    def __init__(
        self, groups: Sequence[str], sizes: Sequence[int], spec: EnvironmentSpec, action_size: int
    ) -> None:
        super().__init__()
        self.view = _view(groups, spec)
        self.nets = StackedMLP(spec.num_tasks, self.view.size, sizes, 2 * action_size)

    def forward(self, observation: Mapping[str, Tensor], task: Tensor) -> SquashedGaussian:
        """Groups ``[..., N, B, *]`` of tasks ``[N]`` to a distribution over ``[..., N, B, A]``."""
        return SquashedGaussian.of(per_task(self.nets, self.view(observation), task))


class Critics(nn.Module):
    """``copies`` values for each task of the family, all in one batched computation.

    V(s), or with ``action_size`` Q(s, u) with u in (-1, 1). Raises ValueError as `Policy` does.
    """

    def __init__(
        self,
        copies: int,
        groups: Sequence[str],
        sizes: Sequence[int],
        spec: EnvironmentSpec,
        action_size: int = 0,
    ) -> None:
        super().__init__()
        self.copies, self.num_tasks = copies, spec.num_tasks
        self.view = _view(groups, spec)
        count = copies * spec.num_tasks
        self.nets = StackedMLP(count, self.view.size + action_size, sizes, 1)

    def forward(
        self, observation: Mapping[str, Tensor], task: Tensor, u: Tensor | None = None
    ) -> Tensor:
        """Groups ``[N, B, *]`` of tasks ``[N]``, in their order, to values ``[copies, N, B]``.

        Q takes actions ``[N, B, A]`` as well.
        """
        seen = self.view(observation)
        inputs = seen if u is None else torch.cat([seen, u], -1)
        which = None  # the networks of all tasks, in order
        if len(task) < self.num_tasks:
            first = self.num_tasks * torch.arange(self.copies, device=task.device)
            which = (first.unsqueeze(-1) + task).flatten()
        values: Tensor = self.nets(inputs.repeat(self.copies, 1, 1), which)
        return values.reshape(self.copies, *inputs.shape[:-1])


def _view(groups: Sequence[str], spec: EnvironmentSpec) -> View:
    view = View(groups, spec.observation)
    if spec.num_tasks > 1 and any(True for _ in view.parameters()):
        raise ValueError(
            f"the networks of {spec.num_tasks} tasks share nothing, but would share the encoder in "
            f"{', '.join(groups)}; name the groups without encoders"
        )
    return view


class Bounds(nn.Module):
    """The map between (-1, 1), the networks' range, and the task's bounds of actions."""

    def __init__(self, action: object) -> None:
        """Raise ValueError unless ``action`` is continuous with finite bounds."""
        super().__init__()
        if not isinstance(action, ContinuousAction):
            raise ValueError(f"this agent needs continuous actions, not {action}")
        low, high = torch.tensor(action.low), torch.tensor(action.high)
        if not ((high - low).isfinite() & (high > low)).all():
            raise ValueError(f"this agent needs actions with finite bounds, not {action}")
        self.size = action.size
        self.middle: Tensor
        self.reach: Tensor
        self.register_buffer("middle", (low + high) / 2, persistent=False)
        self.register_buffer("reach", (high - low) / 2, persistent=False)

    def stretch(self, u: Tensor) -> Tensor:
        """Actions from (-1, 1) to the task's bounds."""
        return self.middle + self.reach * u

    def shrink(self, action: Tensor) -> Tensor:
        """Actions from the task's bounds to (-1, 1)."""
        return (action - self.middle) / self.reach
