"""A film has the pictures of its episodes."""

from __future__ import annotations

import gymnasium
import imageio.v2 as imageio
import numpy as np
import torch

from skill_train.actors.video import SECONDS_AT_END, record, record_grid, tiled
from skill_train.skill_agents.agent import Acting, DiscreteAction, Timestep
from skill_train.skill_agents.skills import Skills


class Countdown(gymnasium.Env):
    """Three steps, a picture that says which."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012
    observation_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.steps += 1
        return np.zeros(1, np.float32), 1.0, self.steps == 3, False, {"success": True}

    def render(self):
        return np.full((63, 65, 3), 60 * self.steps, np.uint8)


class Still(torch.nn.Module):
    def initial_state(self, batch: int) -> dict:
        return {}

    def act(self, timestep: Timestep, state, explore, generator=None) -> Acting:
        assert not explore
        return Acting(torch.zeros(1, 1), {}, {})


def test_a_film_of_two_episodes(tmp_path):
    path = tmp_path / "new" / "film.mp4"
    results = record(Still(), lambda task: Countdown(), [0, 3], 2, 0, path)
    assert [(e.task, e.return_, e.success) for e in results] == [(0, 3.0, True), (3, 3.0, True)]
    frames = np.stack(tuple(imageio.get_reader(path).iter_data()))
    assert len(frames) == 2 * (3 + round(SECONDS_AT_END * 10))
    assert min(frames.shape[1:3]) >= 256
    corner = frames[:, -20, -20].mean(-1)
    assert np.abs(corner[:4] - [0, 60, 120, 180]).max() < 12


def test_a_film_of_several_environments_side_by_side(tmp_path):
    """Episodes of 3 steps, then a reset, then the next: 1.2 s are 12 pictures at 10 a second."""
    path = tmp_path / "grid.mp4"
    record_grid(Several(), lambda task: Countdown(), [0], 5, 1.2, 0, path)
    frames = np.stack(tuple(imageio.get_reader(path).iter_data()))
    height, width = np.asarray(frames.shape[1:3]) // (2, 3)
    assert len(frames) == 12
    shown = frames[:, height // 2, width // 2].mean(-1)
    assert np.abs(shown[:5] - [0, 60, 120, 180, 0]).max() < 12
    assert frames[:, -20, -20].max() < 12, "the sixth panel is empty"


def test_tiles():
    pictures = [np.full((2, 4, 3), i, np.uint8) for i in range(1, 6)]
    grid = tiled(pictures)
    assert grid.shape == (6, 8, 3)
    assert grid[::2, ::4, 0].tolist() == [[1, 2], [3, 4], [5, 0]]


class Several(Skills):
    action, groups = DiscreteAction(1), frozenset()

    def act(self, timestep: Timestep, choice, state, generator=None) -> Acting:
        return Acting(torch.zeros(len(choice), 1), {}, {})

    def draw(self, timestep: Timestep, state, generator=None) -> torch.Tensor:
        return torch.zeros(len(timestep.reward), dtype=torch.int64)
