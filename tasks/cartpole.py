"""Multi-task CartPole: balance the pole with its tip at a goal, on carts of several masses (DSE).

The physics is Gymnasium's own CartPole with another mass of the cart. `CartPole` is that class with
the task's reward; `VectorCartPole` steps many of them as arrays, each with its own mass and goal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.classic_control.cartpole import CartPoleEnv
from PIL import Image, ImageDraw

from skill_train.tasks.carts import MODEL, VectorCarts, fallen
from skill_train.tasks.families import TaskFamily, Variant

CART_MASSES = (0.2, 1.0, 2.0)  # section 6.1
GOALS = (-1.0, 0.0, 1.0)  # section 6.1, x of the goal
EPISODE_STEPS = 300  # section 6.1
SOLVED = 255.0
"""Mean return of a cell that counts as solved: going straight to a goal one metre away and staying
within 0.1 m of it gives about 275 of the 300."""

GRID = TaskFamily(
    "skill/CartPole-v0",
    dynamics=tuple(Variant(f"mass={mass:g}", {"cart_mass": mass}) for mass in CART_MASSES),
    goals=tuple(Variant(f"goal={goal:g}", {"goal": goal}) for goal in GOALS),
)
"""The 3x3 grid of the paper."""

_WIDTH, _HEIGHT = 480, 240


def tip(state: np.ndarray) -> np.ndarray:
    """x of the pole's tip, ``[...]``, from (x, x', theta, theta') ``[4, ...]``."""
    return state[0] + 2.0 * MODEL.length * np.sin(state[2])


def reward(state: np.ndarray, goal: np.ndarray | float, down: np.ndarray | bool) -> np.ndarray:
    """Reward of arriving in ``state``: 1 with the tip at the goal, 0 from one threshold away.

    The paper does not give the form. Here ``1 - |x_goal - x_tip| / x_threshold`` clipped to [0, 1],
    and nothing for the step that ends the episode by a fall or off the track.
    """
    near = 1.0 - np.abs(goal - tip(state)) / MODEL.x_threshold
    return np.clip(near, 0.0, 1.0) * ~np.asarray(down)


class CartPole(gymnasium.Env):
    """Balance the pole with its tip at x = ``goal``, on a cart of ``cart_mass`` kilograms.

    Observation: ``state`` ``[4]`` float32: x, x', theta, theta' (m, m/s, rad, rad/s); neither mass
    nor goal can be seen. Actions: 0 pushes left, 1 right. Terminates where Gymnasium's CartPole
    does (12 degrees, 2.4 m) and truncates after ``episode_steps``.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 50}  # noqa: RUF012

    def __init__(
        self,
        cart_mass: float = 1.0,
        goal: float = 0.0,
        episode_steps: int = EPISODE_STEPS,
        render_mode: str | None = None,
    ) -> None:
        _check([cart_mass], episode_steps)
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode must be None or 'rgb_array', not {render_mode!r}")
        self.render_mode = render_mode
        self._goal, self._episode_steps, self._steps = goal, episode_steps, 0
        self._physics = CartPoleEnv()
        self._physics.masscart = cart_mass
        self._physics.total_mass = cart_mass + self._physics.masspole
        self.observation_space = spaces.Dict({"state": self._physics.observation_space})
        self.action_space = self._physics.action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Gymnasium's start: every component uniform within 0.05 of zero."""
        super().reset(seed=seed)
        seen, _ = self._physics.reset(seed=seed, options=options)
        self._steps = 0
        return {"state": seen}, {}

    def step(self, action: int) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Push left (0) or right (1) for 0.02 s."""
        seen, _, terminated, _, _ = self._physics.step(action)
        self._steps += 1
        earned = float(reward(self._physics.state, self._goal, terminated))
        truncated = self._steps >= self._episode_steps and not terminated
        return {"state": seen}, earned, terminated, truncated, {}

    def render(self) -> np.ndarray | None:
        """The cart from the side, uint8 ``[240, 480, 3]``; a green line marks the goal."""
        if self.render_mode is None:
            return None
        x, _, theta, _ = self._physics.state
        scale = _WIDTH / (2.2 * MODEL.x_threshold)
        floor, pole = 0.8 * _HEIGHT, 2.0 * MODEL.length * scale

        def across(metres: float) -> float:
            return _WIDTH / 2 + scale * metres

        image = Image.new("RGB", (_WIDTH, _HEIGHT), (245, 245, 245))
        draw = ImageDraw.Draw(image)
        draw.line((across(self._goal), 0, across(self._goal), floor), (40, 170, 80), 2)
        draw.line((0, floor, _WIDTH, floor), (120, 120, 120), 2)
        draw.rectangle((across(x) - 18, floor - 20, across(x) + 18, floor), (60, 60, 60))
        top = floor - 20 - pole * np.cos(theta)
        draw.line((across(x), floor - 20, across(x) + pole * np.sin(theta), top), (220, 120, 30), 6)
        return np.asarray(image)


class VectorCartPole(VectorCarts):
    """``num_envs`` `CartPole` tasks; ``cart_mass`` and ``goal`` are one number or one for each."""

    def __init__(
        self,
        num_envs: int,
        cart_mass: float | Sequence[float] = 1.0,
        goal: float | Sequence[float] = 0.0,
        episode_steps: int = EPISODE_STEPS,
    ) -> None:
        mass = np.broadcast_to(np.asarray(cart_mass, np.float64), num_envs)
        _check(mass.tolist(), episode_steps)
        super().__init__(num_envs, mass + MODEL.masspole, episode_steps, {})
        self._goal = np.broadcast_to(np.asarray(goal, np.float64), num_envs)

    def _down(self) -> np.ndarray:
        return fallen(self._state)

    def _reward(self, down: np.ndarray) -> np.ndarray:
        return reward(self._state, self._goal, down)


def _check(masses: Sequence[float], episode_steps: int) -> None:
    if min(masses) <= 0.0 or episode_steps < 1:
        raise ValueError(
            f"CartPole needs cart_mass above 0 and episode_steps of at least 1, not {min(masses)} "
            f"and {episode_steps}"
        )
