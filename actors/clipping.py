"""Clipping of actions to the bounds of a task, for every way of stepping it."""

from __future__ import annotations

import numpy as np

from skill_train.skill_agents.agent import ContinuousAction, DiscreteAction


class Clip:
    """The clipping of actions ``[B, A]`` to the bounds of ``action``; indices ``[B]`` stay."""

    def __init__(self, action: ContinuousAction | DiscreteAction) -> None:
        self._bounds: tuple[np.ndarray, np.ndarray] | None = None
        if isinstance(action, ContinuousAction):
            self._bounds = np.asarray(action.low, np.float32), np.asarray(action.high, np.float32)

    def __call__(self, action: np.ndarray) -> np.ndarray:
        """The clipped actions; ``action`` itself is not changed."""
        if self._bounds is None:
            return action
        low, high = self._bounds
        within: np.ndarray = np.minimum(np.maximum(action, low), high)
        return within
