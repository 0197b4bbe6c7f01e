"""Minari datasets: rows written as episodes that Minari reads, and the reverse.

An episode of L actions has L + 1 observations in named groups, and L actions, rewards and ends.
The other fields of a row (the task, the version of the weights that acted, the agent's extras) are
in the episode's ``infos``, so that nothing is lost.
"""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from skill_train.replay.step import Step

ROOT = "MINARI_DATASETS_PATH"
"""Minari's environment variable for the folder of all datasets."""
EXTRAS = "extras"
BATCH = 1000
"""Episodes handed to Minari at a time."""


def write_dataset(
    name: str,
    episodes: Iterable[Step],
    observation_space: gymnasium.Space[Any],
    action_space: gymnasium.Space[Any],
    environment: gymnasium.envs.registration.EnvSpec | None = None,
    description: str = "",
) -> tuple[int, int]:
    """Write rows ``[L+1, ...]`` of episodes as the dataset ``name``; returns episodes and actions.

    ``name`` is Minari's: ``namespace/dataset-v0``, in the folder that Minari uses. Raises
    ValueError if the name is malformed or taken, there are no episodes, or they have pixels, which
    Minari would change by keeping them as JPEG.
    """
    from minari.dataset.minari_dataset import parse_dataset_id
    from minari.storage.local import get_dataset_path
    from minari.utils import create_dataset_from_buffers

    try:
        parse_dataset_id(name)
    except ValueError as error:
        raise ValueError(
            f"{name!r} is no name for a dataset; it must look like reacher/medium-v0"
        ) from error
    if get_dataset_path(name).exists():
        raise ValueError(f"there is a dataset {name} already, in {get_dataset_path(name)}")
    pictures = [name for name, space in _groups(observation_space) if space.dtype == np.uint8]
    if pictures:
        raise ValueError(
            f"Minari keeps pictures as JPEG, which loses detail, so {', '.join(pictures)} "
            "cannot be written; let a run start from the rows themselves instead"
        )
    buffers = (_buffer(number, rows) for number, rows in enumerate(episodes))
    first = list(itertools.islice(buffers, BATCH))
    if not first:
        raise ValueError("there are no episodes to write")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fields that a dataset need not have
        dataset = create_dataset_from_buffers(
            name,
            first,
            env=environment,
            observation_space=observation_space,
            action_space=action_space,
            description=description,
            data_format="hdf5",
        )
    while more := list(itertools.islice(buffers, BATCH)):
        dataset.storage.update_episodes(more)
    return int(dataset.storage.total_episodes), int(dataset.storage.total_steps)


def read_dataset(name: str, task: int | None = None) -> Iterator[Step]:
    """Episodes of the Minari dataset ``name`` as rows ``[L+1, ...]``.

    An observation without groups becomes the group ``state``. ``task`` is the task of every row;
    None takes the dataset's tasks, or 0 where it has none. Raises ValueError where there is no such
    dataset.
    """
    import minari

    try:
        dataset = minari.load_dataset(name)
    except (OSError, ValueError, KeyError) as error:
        folder = os.environ.get(ROOT, str(Path("~/.minari/datasets").expanduser()))
        raise ValueError(f"there is no Minari dataset {name!r} in {folder}") from error
    for episode in dataset.iterate_episodes():
        yield _rows(episode, task)


def _groups(space: gymnasium.Space[Any]) -> list[tuple[str, gymnasium.Space[Any]]]:
    return list(space.items()) if isinstance(space, gymnasium.spaces.Dict) else [("state", space)]


def _buffer(number: int, rows: Step) -> Any:
    from minari.data_collector.episode_buffer import EpisodeBuffer

    length = len(rows.reward) - 1
    ended = rows.discount[:-1] == 0.0
    cut = np.zeros(length, bool)
    cut[-1] = not ended[-1]
    return EpisodeBuffer(
        id=number,
        observations={name: np.asarray(leaf) for name, leaf in rows.observation.items()},
        actions=np.asarray(rows.action[:-1]),
        rewards=rows.reward[:-1],
        terminations=ended,
        truncations=cut,
        infos={
            "task": np.asarray(rows.task),
            "policy_version": np.asarray(rows.policy_version),
            EXTRAS: {name: np.asarray(leaf) for name, leaf in rows.extras.items()},
        },
    )


def _rows(episode: Any, task: int | None) -> Step:
    seen, infos = episode.observations, episode.infos or {}
    observation = seen if isinstance(seen, dict) else {"state": seen}
    length = len(episode.rewards)
    zeros = np.zeros(length + 1, np.int64)
    discount = 1.0 - np.asarray(episode.terminations, np.float32)
    first = np.zeros(length + 1, bool)
    first[0] = True
    return Step(
        observation={name: _typed(leaf) for name, leaf in observation.items()},
        action=_padded(episode.actions),
        reward=_padded(np.asarray(episode.rewards, np.float32)),
        discount=_padded(discount),
        is_first=first,
        task=(infos.get("task", zeros) if task is None else zeros + task).astype(np.int32),
        policy_version=np.asarray(infos.get("policy_version", zeros), np.int64),
        extras={name: np.asarray(leaf) for name, leaf in infos.get(EXTRAS, {}).items()},
    )


def _padded(array: Any) -> np.ndarray:
    """``array [L, ...]`` with a last row of zeros, ``[L+1, ...]``: nothing was done there."""
    array = _typed(array)
    return np.concatenate([array, np.zeros_like(array[:1])])


def _typed(array: Any) -> np.ndarray:
    """``array`` with floats as float32, bytes as they are, and other whole numbers as int64."""
    array = np.asarray(array)
    if array.dtype.kind == "f":
        return array.astype(np.float32)
    return array if array.dtype == np.uint8 else array.astype(np.int64)
