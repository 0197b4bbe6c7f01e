"""What only the replay of one process promises: the same bits again, and memory as needed."""

from __future__ import annotations

import numpy as np

from skill_train.replay.in_memory import InMemoryReplay
from skill_train.replay.limiter import UNLIMITED, Limiter
from skill_train.replay.memory_table import MemoryTable
from skill_train.replay.tables import Draw, queue, transitions, windows
from tests.replay.streams import LAYOUT, Streams, check_rows, schema_of

SPECS = [windows("w", 3, 40, samples_per_insert=8.0), transitions("t", 300), queue("q", 2, 1000)]
DRAWS = {"w": Draw("w", 4), "t": Draw("t", 16), "q": Draw("q", 3)}


def made(seed: int) -> InMemoryReplay:
    return InMemoryReplay(schema_of(SPECS, DRAWS), seed)


def play(replay: InMemoryReplay, writer, streams: Streams, steps: int) -> list[bytes]:
    """Every batch drawn while writing, as bytes."""
    reader, drawn = replay.reader(), []
    for _ in range(steps):
        writer.append(streams.next())
        writer.flush(0.0)
        for draw in DRAWS:
            batch = reader.next(draw, 0.0)
            if batch is not None:
                check_rows(batch)
                drawn.append(b"".join(leaf.tobytes() for leaf in LAYOUT.leaves(batch)))
    return drawn


def test_the_same_seed_draws_the_same_bits() -> None:
    runs = []
    for seed in (1, 1, 2):
        replay = made(seed)
        runs.append(play(replay, replay.writer(2), Streams(2, actions=5, offset=1), 200))
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_loaded_replay_draws_what_the_saved_one_would_have(tmp_path) -> None:
    replay = made(1)
    play(replay, replay.writer(2), Streams(2, actions=5), 150)
    replay.save(tmp_path)
    loaded = made(99)
    loaded.load(tmp_path)
    assert loaded.info() == replay.info()
    streams = [Streams(3, actions=4), Streams(3, actions=4)]
    on, again = (
        play(r, r.writer(3), s, 150) for r, s in zip((replay, loaded), streams, strict=True)
    )
    assert len(on) > 100
    assert on == again
    assert loaded.info() == replay.info()


def test_the_ring_keeps_the_newest_and_grows_as_it_is_filled() -> None:
    spec = windows("w", 1, 1_000_000_000)
    limiter = Limiter(1.0, 1, -UNLIMITED, UNLIMITED)
    table = MemoryTable(spec, limiter, row_bytes=8, seed=np.random.SeedSequence(0))
    numbers = np.arange(3 * 2 * 1000, dtype=np.int64).reshape(3000, 2, 1)
    assert table.insert(numbers.view(np.uint8)) == 3000
    drawn = table.sample(20_000).view(np.int64)[:, 0, 0]
    assert set(drawn) <= set(numbers[:, 0, 0]) and len(set(drawn)) > 2900

    small = MemoryTable(windows("w", 1, 100), limiter, 8, np.random.SeedSequence(0))
    for start in range(0, 3000, 7):
        small.insert(numbers[start : start + 7].view(np.uint8))
    assert small.info()[:3] == (100, 100, 3000)
    drawn = small.sample(5000).view(np.int64)[:, 0, 0]
    assert set(drawn) == set(numbers[-100:, 0, 0])
