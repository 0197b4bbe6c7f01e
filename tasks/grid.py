"""Go to a cell of an 8x8 grid with an n-step body (hierarchical KL, appendix E.1).

An n-step body has an internal coordinate in [-n+1, n-1]^2. An action adds one to it along its
direction; where that would leave the range, the body moves one cell that way instead and the
coordinate of that dimension returns to 0. A move into a wall costs extra, does not change the cell,
and also returns the coordinate to 0.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

GRID_SIZE = 8  # cells, appendix E.1
GOAL_REWARD = 1.0  # appendix E.1
STEP_PENALTY = -0.1  # every time step, appendix E.1: the step that reaches the goal included
WALL_PENALTY = -0.2  # on top of the step's, appendix E.1
EPISODE_STEPS = 400  # appendix E.1
CELL_PIXELS = 32

# Action -> (dx, dy): right, up, left, down; x runs right and y runs up.
DIRECTIONS = ((1, 0), (0, 1), (-1, 0), (0, -1))

_FLOOR, _LINE = (235, 235, 235), (190, 190, 190)
_GOAL, _BODY = (40, 170, 80), (220, 120, 30)


class Grid(gymnasium.Env):
    """Reach the goal's cell; agent and goal start in distinct random cells.

    Observations (float32):

    * ``task`` ``[4]``: agent's x, y and goal's x, y, body-agnostic; cell 0 is -1 and the last
      cell is 1;
    * ``proprioception`` ``[2]``: the internal coordinate divided by n, so within (-1, 1).

    Actions: 0 right, 1 up, 2 left, 3 down. Each step is rewarded -0.1, with -0.2 more on
    hitting a wall and +1 more on reaching the goal, which terminates. A time limit truncates after
    ``episode_steps``. ``info["success"]`` is a bool at every step.
    ``reset(options={"agent": (x, y), "goal": (x, y)})`` puts either on a cell of choice.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012

    def __init__(
        self,
        body_steps: int = 1,
        size: int = GRID_SIZE,
        episode_steps: int = EPISODE_STEPS,
        render_mode: str | None = None,
    ) -> None:
        if body_steps < 1 or size < 2 or episode_steps < 1:
            raise ValueError(
                "a grid needs body_steps >= 1, size >= 2 and episode_steps >= 1, not "
                f"{body_steps}, {size} and {episode_steps}"
            )
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode must be None or 'rgb_array', not {render_mode!r}")
        self.render_mode = render_mode
        self.body_steps = body_steps
        self.size = size
        self._episode_steps = episode_steps
        self.observation_space = spaces.Dict(
            {
                "proprioception": spaces.Box(-1.0, 1.0, (2,), np.float32),
                "task": spaces.Box(-1.0, 1.0, (4,), np.float32),
            }
        )
        self.action_space = spaces.Discrete(len(DIRECTIONS))
        self._agent = [0, 0]
        self._goal = [0, 0]
        self._internal = [0, 0]
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Draw distinct cells, or take them from ``options``; ValueError if those do not fit."""
        super().reset(seed=seed)
        given = {name: self._checked_cell(cell) for name, cell in (options or {}).items()}
        agent, goal = given.get("agent"), given.get("goal")
        while agent is None or goal is None or agent == goal:
            if "agent" in given and "goal" in given:
                raise ValueError(f"agent and goal must be distinct cells, not both {agent}")
            drawn = self.np_random.integers(self.size, size=4).tolist()
            agent, goal = given.get("agent", drawn[:2]), given.get("goal", drawn[2:])
        self._agent, self._goal = list(agent), list(goal)
        self._internal = [0, 0]
        self._steps = 0
        return self._observation(), {"success": False}

    def step(self, action: int) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Push the internal coordinate one step in direction ``action`` (0 to 3)."""
        if not 0 <= action < len(DIRECTIONS):
            raise ValueError(f"an action of the grid is 0, 1, 2 or 3, not {action}")
        axis = int(action) % 2
        direction = DIRECTIONS[int(action)][axis]
        self._steps += 1
        reward = STEP_PENALTY
        pushed = self._internal[axis] + direction
        if abs(pushed) < self.body_steps:
            self._internal[axis] = pushed
        else:
            self._internal[axis] = 0
            cell = self._agent[axis] + direction
            if 0 <= cell < self.size:
                self._agent[axis] = cell
            else:
                reward += WALL_PENALTY
        success = self._agent == self._goal
        if success:
            reward += GOAL_REWARD
        truncated = self._steps >= self._episode_steps and not success
        return self._observation(), reward, success, truncated, {"success": success}

    def render(self) -> np.ndarray | None:
        """The grid from above, uint8 ``[256, 256, 3]`` for 8 cells: goal green, body orange.

        The body's square is shifted within its cell by its internal coordinate.
        """
        if self.render_mode is None:
            return None
        side = self.size * CELL_PIXELS
        picture = np.full((side, side, 3), _FLOOR, np.uint8)
        picture[::CELL_PIXELS] = picture[:, ::CELL_PIXELS] = _LINE
        half = CELL_PIXELS // 2
        for cell, shift, reach, colour in (
            (self._goal, (0, 0), half - 2, _GOAL),
            (self._agent, self._internal, half // 2, _BODY),
        ):
            x, y = (
                int(CELL_PIXELS * (c + 0.5 + 0.5 * s / self.body_steps))
                for c, s in zip(cell, shift, strict=True)
            )
            top, left = side - y - reach, x - reach
            picture[max(top, 0) : top + 2 * reach, max(left, 0) : left + 2 * reach] = colour
        return picture

    def _checked_cell(self, cell: Any) -> list[int]:
        x, y = (int(c) for c in cell)
        if not (0 <= x < self.size and 0 <= y < self.size):
            raise ValueError(f"cell {(x, y)} is outside a grid of {self.size} x {self.size}")
        return [x, y]

    def _observation(self) -> dict[str, np.ndarray]:
        scale = 2.0 / (self.size - 1)
        internal = [i / self.body_steps for i in self._internal]
        cells = [c * scale - 1.0 for c in (*self._agent, *self._goal)]
        return {
            "proprioception": np.array(internal, np.float32),
            "task": np.array(cells, np.float32),
        }


def optimal_return(distance: int, body_steps: int = 1, discount: float = 1.0) -> float:
    """The largest return from a start with internal coordinate (0, 0), ``distance`` cells away.

    The shortest way takes n actions a cell, ``distance`` cells in all (sum of |dx| and |dy|),
    and never meets a wall; waiting only costs, so it is also the best. With L = n * distance
    steps its return is sum_{t<L} discount^t (-0.1) + discount^(L-1).
    """
    steps = body_steps * distance
    if discount == 1.0:
        penalties = STEP_PENALTY * steps
    else:
        penalties = STEP_PENALTY * (1.0 - discount**steps) / (1.0 - discount)
    return penalties + GOAL_REWARD * discount ** (steps - 1)


def mean_optimal_return(body_steps: int = 1, size: int = GRID_SIZE, discount: float = 1.0) -> float:
    """The expectation of `optimal_return` over agent and goal in distinct random cells."""
    cells = [(x, y) for x in range(size) for y in range(size)]
    returns = [
        optimal_return(abs(ax - gx) + abs(ay - gy), body_steps, discount)
        for ax, ay in cells
        for gx, gy in cells
        if (ax, ay) != (gx, gy)
    ]
    return float(np.mean(returns))
