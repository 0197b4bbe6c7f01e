"""Episodes of a trained agent as an mp4 film."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import gymnasium
import imageio.v2 as imageio
import numpy as np
from PIL import Image, ImageDraw

from skill_train.actors.episodes import EpisodeResult
from skill_train.actors.player import Player
from skill_train.actors.skill_env import SkillEnvironments
from skill_train.actors.vector_env import VectorEnv
from skill_train.skill_agents.agent import Agent
from skill_train.skill_agents.skills import Skills

SMALLEST = 256
"""Pixels of a picture's shorter side; smaller pictures are enlarged by whole numbers."""
SECONDS_AT_END = 0.7
"""Seconds for which the last picture of an episode stays, with its result."""


def record(
    agent: Agent,
    make: Callable[[int], gymnasium.Env],
    tasks: Sequence[int],
    episodes: int,
    seed: int,
    path: Path,
) -> list[EpisodeResult]:
    """Film ``episodes`` episodes without exploration, ``tasks`` in rotation; returns their results.

    ``make(task)`` must build environments with ``render_mode="rgb_array"``. Raises RuntimeError
    where nothing can be rendered, and OSError where ``path`` cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    results: list[EpisodeResult] = []
    writer = None
    try:
        for number in range(episodes):
            envs = VectorEnv(make, [tasks[number % len(tasks)]], seed + number)
            try:
                if writer is None:
                    rate = float(envs.envs[0].metadata.get("render_fps", 30))
                    writer = imageio.get_writer(path, fps=rate, codec="libx264", macro_block_size=2)
                result = _film(agent.eval(), envs, seed + number, writer, number, rate)
            finally:
                envs.close()
            results.append(result)
    finally:
        if writer is not None:
            writer.close()
    return results


def record_grid(
    skills: Skills,
    make: Callable[[int], gymnasium.Env],
    tasks: Sequence[int],
    panels: int,
    seconds: float,
    seed: int,
    path: Path,
) -> None:
    """Film randomly drawn ``skills`` in ``panels`` environments, side by side, for ``seconds``.

    The panels take ``tasks`` in rotation, of which the skills know nothing. When an episode ends,
    the next begins in its panel. Raises as `record` does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    envs = VectorEnv(make, [tasks[i % len(tasks)] for i in range(panels)], seed)
    try:
        rate = float(envs.envs[0].metadata.get("render_fps", 30))
        played = SkillEnvironments(envs, skills, seed)
        played.reset()
        with imageio.get_writer(path, fps=rate, codec="libx264", macro_block_size=2) as writer:
            for _ in range(max(1, round(seconds * rate))):
                writer.append_data(tiled([_picture(envs, i) for i in range(panels)]))
                played.step(played.draw())
    finally:
        envs.close()


def tiled(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures ``[H, W, 3]`` of one size as the rows of one nearly square grid, the rest black."""
    height, width, _ = pictures[0].shape
    across = math.ceil(math.sqrt(len(pictures) * height / width))
    down = math.ceil(len(pictures) / across)
    grid = np.zeros((down * height, across * width, 3), np.uint8)
    for i, picture in enumerate(pictures):
        y, x = divmod(i, across)
        grid[y * height : (y + 1) * height, x * width : (x + 1) * width] = picture
    return grid


def _film(
    agent: Agent, envs: VectorEnv, seed: int, writer: imageio.core.Format.Writer, number: int,
    rate: float,
) -> EpisodeResult:  # fmt: skip
    player = Player(agent, envs, seed, explore=False)
    total = 0.0
    while True:
        writer.append_data(captioned(_picture(envs), f"episode {number + 1}   return {total:.3g}"))
        outcome = player.turn().outcome
        total += float(outcome.reward[0])
        if outcome.failed:
            total = 0.0  # the environment raised and was reset: the episode starts again
        if outcome.episodes:
            result = outcome.episodes[0]
            end = {True: "   success", False: "   no success", None: ""}[result.success]
            last = captioned(
                _picture(envs), f"episode {number + 1}   return {result.return_:.3g}{end}"
            )
            for _ in range(max(1, round(SECONDS_AT_END * rate))):
                writer.append_data(last)
            return result


def _picture(envs: VectorEnv, index: int = 0) -> np.ndarray:
    picture = np.asarray(envs.envs[index].render(), np.uint8)
    times = -(-SMALLEST // max(1, min(picture.shape[:2])))
    height, width = (n * times // 2 * 2 for n in picture.shape[:2])  # the codec wants even sizes
    return picture.repeat(times, axis=0).repeat(times, axis=1)[:height, :width]


def captioned(picture: np.ndarray, text: str) -> np.ndarray:
    """``picture`` ``[H, W, 3]`` with ``text`` in its upper left corner."""
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    box = draw.textbbox((6, 4), text)
    draw.rectangle((box[0] - 3, box[1] - 2, box[2] + 3, box[3] + 2), fill=(0, 0, 0))
    draw.text((6, 4), text, fill=(255, 255, 255))
    return np.asarray(image)
