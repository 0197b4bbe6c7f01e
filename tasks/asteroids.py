"""AsteroidCartPole: keep the pole up and stay clear of falling asteroids (DSE, appendix C.2).

Cart and pole are Gymnasium's, as in `tasks.cartpole`. The paper gives the rules and no numbers; the
sizes here are Gymnasium's picture of CartPole taken at its own scale, the speed is ours.
`AsteroidCartPole` is one task, `VectorAsteroidCartPole` steps many as arrays.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from PIL import Image, ImageDraw

from skill_train.tasks.carts import MODEL, VectorCarts, fallen

EPISODE_STEPS = 2000  # table 1
KINDS = {1: ("above",), 2: ("above", "anywhere")}
"""Start of each asteroid, by the number of asteroids. The paper has both kinds and does not say
which of them its one asteroid is."""

# Gymnasium draws CartPole at 125 pixels to the metre: a cart of 50 x 30 pixels on a line 100 pixels
# above the bottom of a picture 400 pixels high.
TOP = 3.2
CART_Y = 0.8
CART_HALF = (0.2, 0.12)
RADIUS = 0.1  # metres; ours
FALL_SPEED = 1.5  # m/s; ours: 1.5 s to the cart, in which skills of CartPole move it half a metre
_LIMIT = MODEL.x_threshold
_WIDTH, _HEIGHT = 480, 320


def hit(x: np.ndarray, asteroids: np.ndarray) -> np.ndarray:
    """Whether carts at ``x [B]`` touch one of ``asteroids [B, n, 2]`` (x, y of discs), ``[B]``.

    The distance from a disc's centre to the nearest point of the cart's rectangle decides.
    """
    beside = np.maximum(np.abs(asteroids[..., 0] - x[:, None]) - CART_HALF[0], 0.0)
    over = np.maximum(np.abs(asteroids[..., 1] - CART_Y) - CART_HALF[1], 0.0)
    return (np.hypot(beside, over) < RADIUS).any(-1)


class VectorAsteroidCartPole(VectorCarts):
    """``num_envs`` tasks `AsteroidCartPole` as arrays."""

    def __init__(
        self,
        num_envs: int,
        asteroids: int = 1,
        fall_speed: float = FALL_SPEED,
        episode_steps: int = EPISODE_STEPS,
    ) -> None:
        if asteroids not in KINDS or fall_speed <= 0.0 or episode_steps < 1:
            raise ValueError(
                f"AsteroidCartPole needs asteroids of {sorted(KINDS)}, a fall_speed above 0 and "
                f"episode_steps of at least 1, not {asteroids}, {fall_speed} and {episode_steps}"
            )
        places = spaces.Box(-np.inf, np.inf, (2 * asteroids,))
        super().__init__(num_envs, MODEL.total_mass, episode_steps, {"asteroids": places})
        self._fall = fall_speed * MODEL.tau
        self._anywhere = np.array([kind == "anywhere" for kind in KINDS[asteroids]])
        self._asteroids = np.zeros((num_envs, asteroids, 2))

    def _advance(self) -> None:
        self._asteroids[..., 1] -= self._fall
        self._launch(self._asteroids[..., 1] <= 0.0)

    def _place(self, which: np.ndarray) -> None:
        self._launch(np.broadcast_to(which[:, None], self._asteroids.shape[:2]))

    def _launch(self, which: np.ndarray) -> None:
        """Put the asteroids ``which [num_envs, n]`` at the top."""
        if which.any():
            anywhere = self.np_random.uniform(-_LIMIT, _LIMIT, which.shape)
            x = np.where(self._anywhere, anywhere, self._state[0][:, None])
            self._asteroids[which] = np.stack([x, np.full_like(x, TOP)], -1)[which]

    def _down(self) -> np.ndarray:
        return fallen(self._state) | hit(self._state[0], self._asteroids)

    def _reward(self, down: np.ndarray) -> np.ndarray:
        return (~down).astype(np.float64)

    def _observation(self) -> dict[str, np.ndarray]:
        asteroids = self._asteroids.reshape(self.num_envs, -1)
        return {**super()._observation(), "asteroids": asteroids.astype(np.float32)}


class AsteroidCartPole(gymnasium.Env):
    """Balance, and let none of ``asteroids`` (1 or 2) touch the cart.

    Observation: ``state`` ``[4]``, CartPole's, and ``asteroids`` ``[2n]``, x and y of each in
    metres, all float32. Actions: 0 pushes left, 1 right. An asteroid starts at the top, at 3.2 m,
    straight above the cart (the first) or at a random x on the track (the second), falls at
    ``fall_speed`` m/s and starts anew when it reaches the bottom. Reward: 1 for every step that is
    survived. Ends where CartPole does (12 degrees, 2.4 m) and when an asteroid touches the cart;
    truncates after ``episode_steps``.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 50}  # noqa: RUF012

    def __init__(
        self,
        asteroids: int = 1,
        fall_speed: float = FALL_SPEED,
        episode_steps: int = EPISODE_STEPS,
        render_mode: str | None = None,
    ) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode must be None or 'rgb_array', not {render_mode!r}")
        self.render_mode = render_mode
        self._one = VectorAsteroidCartPole(1, asteroids, fall_speed, episode_steps)
        self.observation_space = self._one.single_observation_space
        self.action_space = self._one.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """CartPole's start, with every asteroid at the top."""
        super().reset(seed=seed)
        # One random stream, which an unseeded reset continues.
        self._one._np_random = self.np_random
        seen, _ = self._one.reset()
        return _first(seen), {}

    def step(self, action: int) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Push left (0) or right (1) for 0.02 s."""
        seen, reward, terminated, truncated, _ = self._one.step(np.array([action]))
        return _first(seen), float(reward[0]), bool(terminated[0]), bool(truncated[0]), {}

    def render(self) -> np.ndarray | None:
        """The scene from the side, uint8 ``[320, 480, 3]``; asteroids are red."""
        if self.render_mode is None:
            return None
        x, _, theta, _ = self._one._state[:, 0]
        scale = _WIDTH / (2.0 * _LIMIT)

        def across(x: float, y: float) -> tuple[float, float]:
            return (x + _LIMIT) * scale, _HEIGHT - y * scale

        def box(x: float, y: float, wide: float, high: float) -> tuple[float, ...]:
            return *across(x - wide, y + high), *across(x + wide, y - high)

        image = Image.new("RGB", (_WIDTH, _HEIGHT), (245, 245, 245))
        draw = ImageDraw.Draw(image)
        draw.rectangle(box(0.0, CART_Y, _LIMIT, 0.005), (120, 120, 120))
        draw.rectangle(box(x, CART_Y, *CART_HALF), (60, 60, 60))
        pole = 2.0 * MODEL.length
        tip = across(x + pole * np.sin(theta), CART_Y + pole * np.cos(theta))
        draw.line((*across(x, CART_Y), *tip), (220, 120, 30), 6)
        for place_x, place_y in self._one._asteroids[0]:
            draw.ellipse(box(place_x, place_y, RADIUS, RADIUS), (200, 40, 40))
        return np.asarray(image)


def _first(seen: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array[0] for name, array in seen.items()}
