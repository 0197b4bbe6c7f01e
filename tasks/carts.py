"""Many carts with poles as arrays: Gymnasium's CartPole, each with its own mass.

A subclass adds the reward and further observations.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.classic_control.cartpole import CartPoleEnv
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

MODEL = CartPoleEnv()
"""Gymnasium's CartPole, for its constants."""


def fallen(state: np.ndarray) -> np.ndarray:
    """Whether the pole has fallen or the cart left the track, ``[...]`` of ``[4, ...]``."""
    off = np.abs(state[0]) > MODEL.x_threshold
    return off | (np.abs(state[2]) > MODEL.theta_threshold_radians)


def euler(state: np.ndarray, actions: np.ndarray, total_mass: np.ndarray | float) -> np.ndarray:
    """One step of `CartPoleEnv` in its order of operations, so that results are equal."""
    m = MODEL
    _, x_dot, theta, theta_dot = state
    force = np.where(actions == 1, m.force_mag, -m.force_mag)
    cos, sin = np.cos(theta), np.sin(theta)
    temp = (force + m.polemass_length * np.square(theta_dot) * sin) / total_mass
    theta_acc = (m.gravity * sin - cos * temp) / (
        m.length * (4.0 / 3.0 - m.masspole * np.square(cos) / total_mass)
    )
    x_acc = temp - m.polemass_length * theta_acc * cos / total_mass
    rate = np.stack([x_dot, x_acc, theta_dot, theta_acc])
    return state + m.tau * rate


class VectorCarts(gymnasium.vector.VectorEnv):
    """``num_envs`` carts of ``total_mass`` kilograms, pole included, one number or one for each.

    Observation: ``state``, CartPole's, and the groups of ``more``. An environment whose episode is
    over is reset by its next step, which ignores its action (Gymnasium's next-step mode).
    """

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(
        self,
        num_envs: int,
        total_mass: np.ndarray | float,
        episode_steps: int,
        more: Mapping[str, spaces.Space],
    ) -> None:
        self.num_envs = num_envs
        self.single_observation_space = spaces.Dict({"state": MODEL.observation_space, **more})
        self.single_action_space = MODEL.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._total_mass = total_mass
        self._episode_steps = episode_steps
        self._state = np.zeros((4, num_envs))
        self._steps = np.zeros(num_envs, np.int64)
        self._over = np.zeros(num_envs, bool)

    @abstractmethod
    def _down(self) -> np.ndarray:
        """Whether the episode ends by a failure, ``[num_envs]``."""

    @abstractmethod
    def _reward(self, down: np.ndarray) -> np.ndarray:
        """Rewards of arriving in the current states, ``[num_envs]``."""

    def _advance(self) -> None:
        """Move everything besides the carts by one step."""

    def _place(self, which: np.ndarray) -> None:
        """Place everything besides the carts where an episode begins, ``which [num_envs]``."""

    def _observation(self) -> dict[str, np.ndarray]:
        return {"state": self._state.T.astype(np.float32)}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Start an episode everywhere, or where ``options["reset_mask"]``, bool ``[num_envs]``."""
        super().reset(seed=seed)
        which = (options or {}).get("reset_mask", np.ones(self.num_envs, bool))
        over = self._over & ~which
        self._restart(which)
        self._over = over
        return self._observation(), {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Push left (0) or right (1) for 0.02 s, ``actions [num_envs]``."""
        over = self._over
        self._state = euler(self._state, actions, self._total_mass)
        self._advance()
        self._steps += 1
        if over.any():
            self._restart(over)
        down = self._down() & ~over
        truncated = (self._steps >= self._episode_steps) & ~down
        self._over = down | truncated
        return self._observation(), self._reward(down) * ~over, down, truncated, {}

    def _restart(self, which: np.ndarray) -> None:
        """Gymnasium's start: every component uniform within 0.05 of zero."""
        self._state[:, which] = self.np_random.uniform(-0.05, 0.05, (4, int(which.sum())))
        self._place(which)
        self._steps[which] = 0
        self._over = np.zeros(self.num_envs, bool)
