"""The 5x5 grid with a hidden goal (VATE, section 5): trials of three episodes of 15 steps.

The goal is anywhere but around the start in the lower left corner. The reward of a step is +1 if
it ends on the goal, else -0.1; the goal does not end the episode.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from gymnasium import spaces

from skill_train.tasks.families import TaskFamily, Variant
from skill_train.tasks.vector_trials import OneTrial, VectorTrials

SIZE = 5  # section 5
EPISODE_STEPS = 15  # section 5
EPISODES = 3  # section 5
GOAL_REWARD, STEP_REWARD = 1.0, -0.1  # section 5
MOVES = ((0, 1), (1, 0), (0, -1), (-1, 0), (0, 0))
"""Action -> (dx, dy): up, right, down, left, stay (section 5); x runs right and y runs up."""
GOALS = tuple((x, y) for y in range(SIZE) for x in range(SIZE) if x > 1 or y > 1)
"""The 21 cells that are not "around the starting cell"."""
FARTHEST = (SIZE - 1, SIZE - 1)

FAMILY = TaskFamily(
    "skill/GoalGrid-v0", goals=tuple(Variant(f"goal={x},{y}", {"goal": (x, y)}) for x, y in GOALS)
)

_PIXELS = 48
_FLOOR, _LINE, _GOAL, _BODY = (235, 235, 235), (190, 190, 190), (40, 170, 80), (220, 120, 30)


def neighbours(size: int) -> np.ndarray:
    """The next cell by cell and action, ``[size^2, 5]``; walls stop a move. Cell = size * y + x."""
    table = np.empty((size * size, len(MOVES)), np.int64)
    for cell in range(size * size):
        y, x = divmod(cell, size)
        for action, (dx, dy) in enumerate(MOVES):
            inside = 0 <= x + dx < size and 0 <= y + dy < size
            table[cell, action] = cell + size * dy + dx if inside else cell
    return table


_NEXT = neighbours(SIZE).ravel()
_ONE_HOT = np.eye(SIZE * SIZE, dtype=np.float32)


class VectorGoalGrid(VectorTrials):
    """``num_envs`` grids; the ``goal`` (x, y) is one, or one for each.

    ``state`` and ``arrived`` are one-hot, ``[25]``, cell 5 y + x. Actions: 0 up, 1 right, 2 down,
    3 left, 4 stay.
    """

    def __init__(
        self,
        num_envs: int,
        goal: tuple[int, int] | Sequence[tuple[int, int]] = FARTHEST,
        episodes: int = EPISODES,
    ) -> None:
        given = np.asarray(goal)
        goals = given if given.ndim == 2 else np.tile(given, (num_envs, 1))
        cells = [self._checked((x, y)) for x, y in goals.tolist()]
        if len(cells) != num_envs:
            raise ValueError(f"{num_envs} grids need a goal each, not {len(cells)}")
        state = spaces.Box(0.0, 1.0, (SIZE * SIZE,), np.float32)
        super().__init__(num_envs, state, spaces.Discrete(len(MOVES)), episodes, EPISODE_STEPS)
        self._goal = np.array(cells)
        self._cell = np.zeros(num_envs, np.int64)

    def _place(self) -> None:
        self._cell = np.zeros(self.num_envs, np.int64)

    def _move(self, actions: np.ndarray) -> np.ndarray:
        if actions.min() < 0 or actions.max() >= len(MOVES):
            raise ValueError(f"an action of the grid is 0 to {len(MOVES) - 1}, not {actions}")
        self._cell = _NEXT.take(self._cell * len(MOVES) + actions)
        return np.where(self._cell == self._goal, GOAL_REWARD, STEP_REWARD)

    def _state(self) -> np.ndarray:
        return _ONE_HOT.take(self._cell, axis=0)

    def picture(self) -> np.ndarray:
        """Picture of the first grid: goal green (the agent does not see it), agent orange."""
        side = SIZE * _PIXELS
        image = np.full((side, side, 3), _FLOOR, np.uint8)
        image[::_PIXELS] = image[:, ::_PIXELS] = _LINE
        for cell, margin, colour in ((self._goal[0], 2, _GOAL), (self._cell[0], 12, _BODY)):
            y, x = divmod(int(cell), SIZE)
            top, left = side - (y + 1) * _PIXELS, x * _PIXELS
            inside = slice(margin, _PIXELS - margin)
            image[top : top + _PIXELS, left : left + _PIXELS][inside, inside] = colour
        return image

    @staticmethod
    def _checked(goal: tuple[int, int]) -> int:
        if tuple(goal) not in GOALS:
            raise ValueError(f"a goal is one of {GOALS}, not {tuple(goal)}")
        return SIZE * goal[1] + goal[0]


class GoalGrid(OneTrial):
    """A single `VectorGoalGrid`."""

    def __init__(
        self, goal: tuple[int, int] = FARTHEST, episodes: int = EPISODES,
        render_mode: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(VectorGoalGrid(1, [goal], episodes), render_mode)
