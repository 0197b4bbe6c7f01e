"""What actors and learners may rely on, whichever back end holds the tables."""

from __future__ import annotations

import numpy as np
import pytest

from skill_train.replay.limiter import table_limiter
from skill_train.replay.reader import items_ahead
from skill_train.replay.tables import Draw, TableSpec, queue, transitions, trials, windows
from tests.replay.backends import draw, until
from tests.replay.streams import LAYOUT, Streams, check_rows


def write(backend, writer, streams: Streams, rows: int) -> None:
    for _ in range(rows):
        writer.append(streams.next())
    assert writer.flush(backend.patience_s)


def write_until_stopped(backend, writer, streams: Streams) -> None:
    for _ in range(10_000):
        writer.append(streams.next())
        if not writer.flush(backend.impatience_s):
            return
    raise AssertionError("nothing stopped the writer")


def test_windows_are_whole_and_of_one_stream(backend) -> None:
    backend.start([windows("w", 4, 1000)], {"b": Draw("w", 64)})
    write(backend, backend.writer(3), Streams(3, actions=6, offset=2), 41)
    batch = draw(backend.reader(), "b", backend.patience_s)
    assert batch.reward.shape == (5, 64)
    check_rows(batch)
    assert set(batch.observation["id"][0, :, 2] % 4) == {0}
    assert set(batch.observation["id"][0, :, 1]) == {0, 1, 2}
    assert backend.info()["w"].inserted == 30


def test_windows_overlap_where_the_stride_is_short(backend) -> None:
    backend.start([windows("w", 4, 1000, stride=2)], {"b": Draw("w", 256)})
    write(backend, backend.writer(2), Streams(2), 21)
    batch = draw(backend.reader(), "b", backend.patience_s)
    check_rows(batch)
    assert set(batch.observation["id"][0, :, 2]) == set(range(0, 17, 2))


def test_transitions_start_where_something_was_done(backend) -> None:
    backend.start([transitions("t", 1000)], {"b": Draw("t", 128)})
    write(backend, backend.writer(4), Streams(4, actions=3, offset=1), 40)
    batch = draw(backend.reader(), "b", backend.patience_s)
    check_rows(batch)
    assert not batch.is_first[1].any()
    assert (batch.action[0] != 0).all()


def test_trials_are_whole_and_padded(backend) -> None:
    backend.start([trials("e", 9, 1000)], {"b": Draw("e", 16)})
    write(backend, backend.writer(2), Streams(2, actions=6), 22)
    batch = draw(backend.reader(), "b", backend.patience_s)
    check_rows(batch, padded=True)
    assert batch.is_first[0].all()
    assert (batch.is_first[1:].argmax(0) == 6).all(), "seven rows, then padding"
    assert backend.info()["e"].inserted == 6


def test_each_task_has_its_table(backend) -> None:
    spec = transitions("t", 1000, per_task=True)
    backend.start([spec], {"b": Draw("t", 32)}, tasks=(0, 1, 2))
    streams = Streams(3, actions=4, task=lambda stream, episode: (stream + episode) % 3)
    write(backend, backend.writer(3), streams, 50)
    batch = draw(backend.reader(), "b", backend.patience_s)
    assert batch.reward.shape == (2, 3, 32)
    check_rows(batch)
    assert (batch.task[0] == np.arange(3)[:, None]).all()
    assert set(backend.info()) == {"t/0", "t/1", "t/2"}


def test_a_batch_waits_for_every_task(backend) -> None:
    backend.start([trials("e", 4, 100, per_task=True)], {"b": Draw("e", 2)}, tasks=(0, 1))
    reader = backend.reader()
    write(backend, backend.writer(1), Streams(1, actions=4), 26)
    assert reader.next("b", backend.impatience_s) is None
    streams = Streams(1, actions=4, task=lambda stream, episode: 1)
    write(backend, backend.writer(1), streams, 26)
    batch = draw(reader, "b", backend.patience_s)
    check_rows(batch, padded=True)
    assert (batch.task[0] == np.array([[0], [1]])).all()


def test_held_out_tasks_have_no_table_and_no_place_in_a_batch(backend) -> None:
    backend.start([transitions("t", 1000, per_task=True)], {"b": Draw("t", 8)}, tasks=(1, 4))
    streams = Streams(2, actions=4, task=lambda stream, episode: (1, 4)[stream])
    write(backend, backend.writer(2), streams, 30)
    batch = draw(backend.reader(), "b", backend.patience_s)
    assert batch.reward.shape == (2, 2, 8)
    assert (batch.task[0] == np.array([[1], [4]])).all()
    assert set(backend.info()) == {"t/1", "t/4"}


def test_a_batch_of_queues_has_as_many_items_of_every_task(backend) -> None:
    spec = trials("e", 4, 2, use_once=True, per_task=True)
    backend.start([spec], {"b": Draw("e", 2)}, tasks=(0, 1))
    reader = backend.reader()
    write(backend, backend.writer(1), Streams(1, actions=4), 11)
    assert reader.next("b", backend.impatience_s) is None
    write(backend, backend.writer(1), Streams(1, actions=4, task=lambda stream, episode: 1), 11)
    batch = draw(reader, "b", backend.patience_s)
    check_rows(batch, padded=True)
    assert batch.observation["id"][0, :, :, 2].tolist() == [[0, 5], [0, 5]]
    assert reader.next("b", backend.impatience_s) is None


def test_windows_end_with_a_bootstrap_row_that_the_next_row_replaces(backend) -> None:
    """Two streams, windows of three actions: each is there before its last row is acted on."""
    backend.start([queue("q", 3, 8)], {"b": Draw("q", 4)})
    writer, reader, streams = backend.writer(2), backend.reader(), Streams(2, actions=100)
    for _ in range(3):
        assert not writer.bootstrap_due
        writer.append(streams.next())
    assert writer.bootstrap_due
    following = streams.next()
    seen = following._replace(action=np.zeros(2, np.int64), reward=np.zeros(2, np.float32))
    assert writer.bootstrap(seen, at_most=2) == 2
    assert not writer.bootstrap_due
    writer.append(following)
    for _ in range(2):
        writer.append(streams.next())
    assert writer.bootstrap(streams.next(), at_most=2) == 2
    assert writer.flush(backend.patience_s)
    batch = draw(reader, "b", backend.patience_s)
    assert batch.observation["id"][:, :, 2].T.tolist() == [[0, 1, 2, 3]] * 2 + [[3, 4, 5, 6]] * 2
    assert (batch.action[0, 2:] == following.action).all(), "the row that was acted on at last"
    assert not batch.action[-1, :2].any(), "its stand-in"
    assert reader.next("b", backend.impatience_s) is None


def test_no_more_windows_than_asked_for_are_completed(backend) -> None:
    backend.start([queue("q", 2, 8)], {"b": Draw("q", 3)})
    writer, streams = backend.writer(4), Streams(4, actions=100)
    for _ in range(2):
        writer.append(streams.next())
    assert writer.bootstrap(streams.next(), at_most=3) == 3
    assert writer.flush(backend.patience_s)
    batch = draw(backend.reader(), "b", backend.patience_s)
    assert batch.observation["id"][0, :, 1].tolist() == [0, 1, 2]


def test_a_dropped_stream_ends_its_use_once_windows_with_the_others(backend) -> None:
    backend.start([queue("q", 4, 40)], {"b": Draw("q", 1)})
    writer, streams = backend.writer(2), Streams(2, actions=100)
    for _ in range(2):
        writer.append(streams.next())
    writer.drop(1)
    streams.restart(1)
    due = []
    for row in range(2, 14):
        if writer.bootstrap_due:
            due.append((row, writer.bootstrap(streams.next(), at_most=2)))
        writer.append(streams.next())
    assert due == [(4, 1), (8, 2), (12, 2)]


def test_a_queue_gives_each_item_once_and_in_order(backend) -> None:
    backend.start([queue("q", 4, 40)], {"b": Draw("q", 6)})
    write(backend, backend.writer(1), Streams(1), 4 * 24 + 1)
    reader = backend.reader()
    starts = []
    for _ in range(4):
        batch = draw(reader, "b", backend.patience_s)
        check_rows(batch)
        starts += list(batch.observation["id"][0, :, 2])
    assert starts == list(range(0, 96, 4))
    assert reader.next("b", backend.impatience_s) is None


def test_a_full_queue_stops_the_writer_and_loses_nothing(backend) -> None:
    backend.start([queue("q", 2, 8)], {"b": Draw("q", 8)})
    writer, streams = backend.writer(1), Streams(1)
    write_until_stopped(backend, writer, streams)
    until(lambda: backend.info()["q"].size == 8, "the queue is full")
    for _ in range(20):
        writer.append(streams.next())
    reader = backend.reader()
    first = draw(reader, "b", backend.patience_s)
    assert list(first.observation["id"][0, :, 2]) == list(range(0, 16, 2))
    assert writer.flush(backend.patience_s) or backend.info()["q"].size == 8
    second = draw(reader, "b", backend.patience_s)
    assert list(second.observation["id"][0, :, 2]) == list(range(16, 32, 2))


def test_one_table_that_takes_nothing_does_not_stop_another(backend) -> None:
    backend.start(
        [trials("once", 3, 4, use_once=True), trials("all", 5, 100)],
        {"on_policy": Draw("once", 4), "buffer": Draw("all", 8)},
    )
    writer, streams = backend.writer(1), Streams(1, actions=3)
    for _ in range(41):
        writer.append(streams.next())
    assert not writer.flush(backend.impatience_s)
    until(lambda: backend.info()["all"].inserted == 10, "the other table has all trials")
    reader = backend.reader()
    assert draw(reader, "on_policy", backend.patience_s).reward.shape == (4, 4)
    batch = draw(reader, "buffer", backend.patience_s)
    assert batch.reward.shape == (6, 8)
    check_rows(batch, padded=True)


def test_nothing_is_drawn_before_min_items(backend) -> None:
    backend.start([windows("w", 2, 100, min_items=5)], {"b": Draw("w", 3)})
    reader, writer, streams = backend.reader(), backend.writer(1), Streams(1)
    write(backend, writer, streams, 9)
    assert backend.info()["w"].size == 4
    assert reader.next("b", backend.impatience_s) is None
    write(backend, writer, streams, 2)
    check_rows(draw(reader, "b", backend.patience_s))


def test_the_ratio_stops_a_fast_learner(backend) -> None:
    spec = windows("w", 1, 1000, min_items=10, samples_per_insert=2.0)
    backend.start([spec], {"b": Draw("w", 4)})
    writer, reader, streams = backend.writer(1), backend.reader(), Streams(1, actions=1000)
    write(backend, writer, streams, 13)
    draw(reader, "b", backend.patience_s)
    for _ in range(100):
        if reader.next("b", backend.impatience_s) is None:
            break
    else:
        raise AssertionError("nothing stopped the reader")
    limiter = table_limiter(spec, 4, items_ahead(4, 64))
    info = backend.info()["w"]
    assert info.inserted == 12 and 24 - info.sampled >= limiter.min_diff
    write(backend, writer, streams, 4)
    assert draw(reader, "b", backend.patience_s) is not None


def test_the_ratio_stops_a_fast_actor(backend) -> None:
    spec = windows("w", 1, 100_000, min_items=10, samples_per_insert=2.0)
    backend.start([spec], {"b": Draw("w", 4)})
    writer, streams = backend.writer(1), Streams(1, actions=100_000)
    write_until_stopped(backend, writer, streams)
    until(lambda: backend.info()["w"].inserted >= 10, "the table holds its min_items")
    before = backend.info()["w"]
    assert 10 <= before.inserted < 200 and before.sampled == 0
    reader = backend.reader()
    for _ in range(before.inserted):
        draw(reader, "b", backend.patience_s)
        if writer.flush(backend.impatience_s):
            break
    else:
        raise AssertionError("draws did not let the writer go on")


def test_a_dropped_stream_starts_afresh(backend) -> None:
    specs = [windows("w", 4, 1000, stride=2), trials("e", 7, 100)]
    backend.start(specs, {"b": Draw("w", 128), "trials": Draw("e", 16)})
    writer, streams = backend.writer(3), Streams(3, actions=7)
    for rows in (7, 13, 30):
        write(backend, writer, streams, rows)
        writer.drop(1)
        streams.restart(1)
    write(backend, writer, streams, 40)
    reader = backend.reader()
    batch = draw(reader, "b", backend.patience_s)
    check_rows(batch)
    assert set(batch.observation["id"][0, :, 2] % 2) == {0}
    assert len(set(batch.observation["id"][0, :, 0])) > 1
    check_rows(draw(reader, "trials", backend.patience_s), padded=True)


def test_a_restored_replay_goes_on(backend, tmp_path) -> None:
    specs = [
        windows("w", 3, 50, min_items=2, samples_per_insert=0.1),
        queue("q", 2, 300),
        transitions("t", 1000, per_task=True),
    ]
    draws = {"b": Draw("w", 4), "once": Draw("q", 5), "tasks": Draw("t", 2)}
    backend.start(specs, draws, tasks=(0, 1))
    streams = Streams(2, task=lambda stream, episode: stream)
    write(backend, backend.writer(2), streams, 90)
    reader = backend.reader(only="b")
    draw(reader, "b", backend.patience_s)
    reader.close()
    backend.save(tmp_path / "saved")
    before = backend.info()
    backend.stop()

    backend.start(specs, draws, tasks=(0, 1), restore=tmp_path / "saved")
    after = backend.info()
    assert {name: info[:3] for name, info in after.items()} == {
        name: info[:3] for name, info in before.items()
    }
    assert after["w"].size == 50 and after["w"].sampled >= 4
    reader = backend.reader()
    for name in draws:
        check_rows(draw(reader, name, backend.patience_s))


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ([windows("w", 3, 51)], "max_items"),
        ([windows("w", 4, 50)], "length"),
        ([windows("v", 3, 50)], "tables"),
        ([windows("w", 3, 50), queue("q", 2, 5)], "tables"),
        ([windows("w", 3, 50, min_items=2)], "min_items"),
        ([windows("w", 3, 50, samples_per_insert=3.0)], "samples_per_insert"),
    ],
)
def test_other_tables_are_not_restored(backend, tmp_path, specs, message) -> None:
    backend.start([windows("w", 3, 50)], {})
    write(backend, backend.writer(1), Streams(1), 10)
    backend.save(tmp_path / "saved")
    backend.stop()
    with pytest.raises(ValueError, match=message):
        backend.start(specs, {}, restore=tmp_path / "saved")


def test_a_damaged_folder_is_not_restored(backend, tmp_path) -> None:
    spec = [windows("w", 3, 50)]
    backend.start(spec, {})
    write(backend, backend.writer(1), Streams(1), 100)
    backend.save(tmp_path / "saved")
    with pytest.raises(ValueError, match="empty"):
        backend.save(tmp_path / "saved")
    backend.stop()
    data = max(
        (p for p in (tmp_path / "saved").rglob("*") if p.is_file() and p.suffix != ".json"),
        key=lambda path: path.stat().st_size,
    )
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 255
    data.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        backend.start(spec, {}, restore=tmp_path / "saved")
    data.unlink()
    with pytest.raises(ValueError, match="damaged"):
        backend.start(spec, {}, restore=tmp_path / "saved")
    with pytest.raises(ValueError, match="no saved replay"):
        backend.start(spec, {}, restore=tmp_path / "nothing")


@pytest.mark.parametrize(
    ("specs", "draws", "message"),
    [
        ([queue("q", 2, 5)], {"b": Draw("q", 6)}, "batch"),
        ([queue("q", 2, 5)], {"b": Draw("w", 2)}, "'w'"),
        ([queue("q", 2, 5), windows("q", 2, 5)], {}, "own name"),
        ([TableSpec("q", 1, 1, 5, samples_per_insert=1.0, use_once=True)], {}, "use_once"),
    ],
)
def test_impossible_tables_are_refused(backend, specs, draws, message) -> None:
    with pytest.raises(ValueError, match=message):
        backend.start(specs, draws)


def test_wrong_rows_and_names_are_refused(backend) -> None:
    backend.start([windows("w", 2, 10)], {"b": Draw("w", 2)})
    writer, rows = backend.writer(2), Streams(2).next()
    for wrong, message in (
        (rows._replace(reward=rows.reward[:1]), "reward .* shape"),
        (rows._replace(action=rows.action + 0.5), "action .* int64"),
        (rows._replace(extras={}), "extras"),
        (rows._replace(observation={**rows.observation, "more": rows.reward}), "more"),
    ):
        with pytest.raises(ValueError, match=message):
            writer.append(wrong)
    with pytest.raises(ValueError, match="no draw"):
        backend.reader().next("nothing", 0.0)
    assert LAYOUT.row_bytes == sum(
        np.dtype(dtype).itemsize * int(np.prod(shape)) for _, dtype, shape in LAYOUT.describe()
    )
