"""Rows written as a Minari dataset are what Minari reads, and come back as they were."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from skill_train.replay.datasets import ROOT, read_dataset, write_dataset
from skill_train.replay.step import Step

SEEN = gymnasium.spaces.Dict(
    {
        "state": gymnasium.spaces.Box(-np.inf, np.inf, (3,), np.float32),
        "goal": gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32),
    }
)
ACTION = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
LENGTHS = (4, 1, 6)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(ROOT, str(tmp_path))


def episode(length: int, seed: int, terminated: bool = False) -> Step:
    rng = np.random.default_rng(seed)
    first = np.zeros(length + 1, bool)
    first[0] = True
    reward = rng.normal(size=length + 1).astype(np.float32)
    discount = np.ones(length + 1, np.float32)
    action = rng.uniform(-1, 1, (length + 1, 2)).astype(np.float32)
    for leaf in (reward, discount, action):
        leaf[-1] = 0
    if terminated:
        discount[-2] = 0
    return Step(
        observation={
            "state": rng.normal(size=(length + 1, 3)).astype(np.float32),
            "goal": rng.uniform(-1, 1, (length + 1, 1)).astype(np.float32),
        },
        action=action,
        reward=reward,
        discount=discount,
        is_first=first,
        task=np.full(length + 1, seed, np.int32),
        policy_version=np.full(length + 1, 2**40 + seed, np.int64),
        extras={"log_prob": rng.normal(size=length + 1).astype(np.float32)},
    )


EPISODES = [episode(n, seed, terminated=seed == 1) for seed, n in enumerate(LENGTHS)]


def same(one: Step, other: Step) -> None:
    for a, b in zip(leaves(one), leaves(other), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def leaves(rows: Step) -> list[np.ndarray]:
    named = [rows.observation[k] for k in sorted(rows.observation)]
    return [*named, *rows[1:-1], *(rows.extras[k] for k in sorted(rows.extras))]


def test_rows_come_back_as_they_were() -> None:
    written = write_dataset("own/some-v0", iter(EPISODES), SEEN, ACTION)
    assert written == (len(LENGTHS), sum(LENGTHS))
    for one, other in zip(EPISODES, read_dataset("own/some-v0"), strict=True):
        same(one, other)


def test_minari_reads_what_was_acted() -> None:
    import minari

    write_dataset("own/some-v0", iter(EPISODES), SEEN, ACTION)
    dataset = minari.load_dataset("own/some-v0")
    assert dataset.observation_space == SEEN and dataset.action_space == ACTION
    for rows, read in zip(EPISODES, dataset.iterate_episodes(), strict=True):
        assert len(read.observations["state"]) == len(read.actions) + 1
        np.testing.assert_array_equal(read.rewards, rows.reward[:-1])
        ended = read.terminations | read.truncations
        assert ended.tolist() == [False] * (len(ended) - 1) + [True]
        assert read.terminations[-1] == (rows.discount[-2] == 0.0)


def test_anybodys_dataset_of_plain_observations_is_read() -> None:
    from minari.data_collector.episode_buffer import EpisodeBuffer
    from minari.utils import create_dataset_from_buffers

    box = gymnasium.spaces.Box(-np.inf, np.inf, (3,), np.float64)
    own = EpisodeBuffer(
        id=0,
        observations=np.arange(9.0).reshape(3, 3),
        actions=np.ones((2, 2), np.float32),
        rewards=[1.0, 2.0],
        terminations=[False, True],
        truncations=[False, False],
        infos={},
    )
    create_dataset_from_buffers("theirs-v0", [own], observation_space=box, action_space=ACTION)
    (rows,) = read_dataset("theirs-v0", task=4)
    assert rows.observation["state"].tolist() == np.arange(9.0).reshape(3, 3).tolist()
    assert rows.observation["state"].dtype == np.float32
    assert rows.reward.tolist() == [1.0, 2.0, 0.0]
    assert rows.discount.tolist() == [1.0, 0.0, 0.0]
    assert rows.task.tolist() == [4, 4, 4]
    assert rows.extras == {}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("no version", "must look like"), ("own/some-v0", "there is a dataset own/some-v0 already")],
)
def test_names_that_cannot_be_written_are_refused(name, sentence) -> None:
    write_dataset("own/some-v0", iter(EPISODES), SEEN, ACTION)
    with pytest.raises(ValueError, match=sentence):
        write_dataset(name, iter(EPISODES), SEEN, ACTION)


def test_pixels_are_refused_rather_than_changed() -> None:
    pixels = gymnasium.spaces.Box(0, 255, (8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match="so eye cannot be written"):
        write_dataset("own/p-v0", iter([]), gymnasium.spaces.Dict({"eye": pixels}), ACTION)


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="no Minari dataset 'own/none-v0' in"):
        next(read_dataset("own/none-v0"))
    with pytest.raises(ValueError, match="no episodes"):
        write_dataset("own/some-v0", iter([]), SEEN, ACTION)
