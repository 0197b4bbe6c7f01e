"""Replay over Reverb when the server dies, is another one, or is not there."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import numpy as np
import pytest

from skill_train.replay.reader import ReverbReader
from skill_train.replay.record import _checksum
from skill_train.replay.schema import Schema
from skill_train.replay.step import ArraySpec, step_spec
from skill_train.replay.tables import Draw, queue, trials, windows
from skill_train.replay.writer import MOST_AHEAD, ReverbWriter
from tests.replay.backends import draw, until
from tests.replay.serving import ServerProcess, port_to_keep
from tests.replay.streams import BIG, LAYOUT, Streams, check_rows, schema_of

pytestmark = pytest.mark.reverb

SPECS = [windows("w", 4, 2000), queue("q", 3, 200)]
DRAWS = {"w": Draw("w", 32), "q": Draw("q", 8)}


@pytest.fixture
def serve(servers):
    def start(specs=SPECS, draws=DRAWS, **kwargs) -> ServerProcess:
        server = ServerProcess(schema_of(specs, draws), **kwargs)
        servers.callback(server.stop)
        return server

    return start


def test_a_killed_server_comes_back_with_everything_saved(serve, servers, tmp_path) -> None:
    # A killed server leaves its scratch folder behind: pytest removes this one.
    server = serve(port=port_to_keep(), scratch=tmp_path)
    writer = ReverbWriter(schema_of(SPECS), server.address, 2)
    reader = ReverbReader(schema_of(SPECS, DRAWS), server.address)
    servers.callback(writer.close)
    servers.callback(reader.close)
    streams = Streams(2, actions=9, offset=4)
    for _ in range(41):
        writer.append(streams.next())
    assert writer.flush(30.0)
    check_rows(draw(reader, "w", 30.0))
    for _ in range(3):
        check_rows(draw(reader, "q", 30.0))
    assert reader.next("q", 0.1) is None, "two of 26 are left: the queue's sampler waits"
    before = server.ask("info")
    server.ask("save", tmp_path / "saved")
    server.kill()

    sent = writer.items_written
    for _ in range(40):
        writer.append(streams.next())
    waiting = writer.items_written - sent
    assert not writer.flush(0.1)
    assert not writer.flush(0.1), "and again: nothing is forgotten"
    until(lambda: reader.next("w", 0.05) is None, "the reader has nothing more prefetched")

    again = serve(port=server.port, restore=tmp_path / "saved")
    assert again.address == server.address
    until(lambda: writer.flush(1.0), "the writer delivers what it kept", 60.0)
    after = again.ask("info")
    assert sum(t.inserted for t in after.values()) - sum(t.inserted for t in before.values()) == (
        waiting
    )
    assert after["w"].inserted == before["w"].inserted + 20
    rows = set()
    for _ in range(40):
        batch = draw(reader, "w", 60.0)
        check_rows(batch)
        rows |= set(batch.observation["id"][0, :, 2])
    assert rows == set(range(0, 80, 4)), "saved items and those written while it was down"
    check_rows(draw(reader, "q", 60.0))
    assert writer.seconds_blocked > 0


def test_what_is_left_of_a_broken_round_never_gets_into_a_batch(serve, servers) -> None:
    """One of two actors dies in a round and does its share again: four items where three fit."""
    specs = [trials("e", 4, 4, use_once=True, per_task=True)]
    draws = {"b": Draw("e", 2)}
    server = ServerProcess(schema_of(specs, draws, (0, 1)))
    servers.callback(server.stop)
    reader = ReverbReader(schema_of(specs, draws, (0, 1)), server.address)
    servers.callback(reader.close)

    def act(task: int, trials_: int, version: int) -> None:
        writer = ReverbWriter(schema_of(specs), server.address, 1)
        streams = Streams(1, actions=4, task=lambda stream, episode: task)
        streams.version = version
        for _ in range(5 * trials_ + 1):
            writer.append(streams.next())
        assert writer.flush(30.0)
        writer.close()

    act(task=0, trials_=1, version=BIG + 1)
    act(task=0, trials_=2, version=BIG + 1)
    act(task=1, trials_=2, version=BIG + 1)
    first = draw(reader, "b", 30.0)
    assert (first.policy_version[0] == BIG + 1).all()
    act(task=0, trials_=2, version=BIG + 2)
    act(task=1, trials_=2, version=BIG + 2)
    second = draw(reader, "b", 30.0)
    assert (second.policy_version[0] == BIG + 2).all()
    check_rows(second, padded=True)
    assert reader.next("b", 0.1) is None


@pytest.mark.parametrize("late", [False, True])
def test_items_of_weights_that_a_learner_lost_are_not_drawn(serve, servers, late) -> None:
    """The learner fell back from version 7 to 5, and may say so after some were drawn."""
    specs, draws = [queue("q", 1, 20)], {"q": Draw("q", 4)}
    server = serve(specs, draws)
    writer = ReverbWriter(schema_of(specs), server.address, 1)
    servers.callback(writer.close)
    reader = ReverbReader(schema_of(specs, draws), server.address)
    servers.callback(reader.close)
    streams = Streams(1, actions=10_000)
    for version, rows in ((7, 3), (5, 5)):
        if late == (version == 5):
            reader.acted_by(BIG + 5)
        streams.version = BIG + version
        for _ in range(rows):
            writer.append(streams.next())
        assert writer.flush(30.0)
        until(lambda: server.ask("info")["q"].sampled > 0, "the reader draws")
    batch = draw(reader, "q", 30.0)
    assert (batch.policy_version[-1] == BIG + 5).all()
    assert reader.next("q", 0.1) is None


def test_a_checkpoint_that_reverb_cannot_read_is_named(serve, tmp_path) -> None:
    server = serve()
    server.ask("save", tmp_path / "saved")
    server.stop()
    record = tmp_path / "saved" / "replay.json"
    tables = tmp_path / "saved" / "reverb" / "tables.tfrecord"
    tables.write_bytes(tables.read_bytes()[:-9])
    edited = json.loads(record.read_text())
    edited["files"]["reverb/tables.tfrecord"] = _checksum(tables)
    record.write_text(json.dumps(edited))
    with pytest.raises(ValueError, match="did not start on port .* from .*saved"):
        serve(restore=tmp_path / "saved")


def test_readers_and_writers_may_come_before_the_server(serve, servers) -> None:
    port = port_to_keep()
    writer = ReverbWriter(schema_of(SPECS), f"localhost:{port}", 1)
    reader = ReverbReader(schema_of(SPECS, DRAWS), f"localhost:{port}")
    servers.callback(writer.close)
    servers.callback(reader.close)
    streams = Streams(1)
    for _ in range(50):
        writer.append(streams.next())
    assert not writer.flush(0.1)
    assert reader.next("w", 0.1) is None
    serve(port=port)
    until(lambda: writer.flush(1.0), "the writer finds the server", 60.0)
    check_rows(draw(reader, "w", 60.0))


def test_more_streams_than_reverb_may_hold_items_can_each_run_one_ahead(serve, servers) -> None:
    """A writer of 100 streams is made as any other, and `flush` still confirms the rest."""
    specs, draws = [windows("w", 4, 2000)], {"w": Draw("w", 32)}
    server = serve(specs, draws)
    writer = ReverbWriter(schema_of(specs), server.address, 100, run_ahead=100)
    servers.callback(writer.close)
    streams = Streams(100)
    for _ in range(5):
        writer.append(streams.next())
    assert writer.items_written == 100
    assert writer.flush(60.0)
    assert server.ask("info")["w"].inserted >= 100 - MOST_AHEAD


def test_far_more_items_than_reverb_may_hold_are_kept_in_order(serve, servers) -> None:
    specs, draws = [queue("q", 1, 20)], {"q": Draw("q", 20)}
    server = serve(specs, draws)
    writer = ReverbWriter(schema_of(specs), server.address, 1, run_ahead=8)
    reader = ReverbReader(schema_of(specs, draws), server.address)
    servers.callback(writer.close)
    servers.callback(reader.close)
    streams = Streams(1, actions=10_000)
    for _ in range(401):
        writer.append(streams.next())
    starts: list[float] = []
    while len(starts) < 400:
        writer.flush(0.01)
        batch = reader.next("q", 0.01)
        if batch is not None:
            starts += list(batch.observation["id"][0, :, 2])
    assert starts == list(range(400))
    assert writer.flush(30.0)


def test_a_taken_port_is_named(serve) -> None:
    server = serve()
    with pytest.raises(ValueError, match=f"port {server.port}.*another port"):
        serve(port=server.port)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ValueError, match=f"port {port}"):
            serve(port=port)


def test_a_server_without_the_table_is_named(serve, servers) -> None:
    server = serve()
    specs = [windows("other", 4, 10)]
    writer = ReverbWriter(schema_of(specs), server.address, 1)
    reader = ReverbReader(schema_of(specs, {"b": Draw("other", 2)}), server.address)
    servers.callback(writer.close)
    servers.callback(reader.close)
    with pytest.raises(ValueError, match="no table 'other'"):
        reader.next("b", 30.0)
    streams = Streams(1)
    for _ in range(5):
        writer.append(streams.next())
    with pytest.raises(ValueError, match="other"):
        writer.flush(30.0)


def test_rows_of_another_run_are_named(serve, servers) -> None:
    server = serve()
    writer = ReverbWriter(schema_of(SPECS), server.address, 1)
    servers.callback(writer.close)
    streams = Streams(1)
    for _ in range(40):
        writer.append(streams.next())
    assert writer.flush(30.0)
    row = step_spec({"x": ArraySpec((3,))}, ArraySpec(()), {})
    other = Schema(tuple(SPECS), {"b": Draw("w", 2)}, row)
    reader = ReverbReader(other, server.address)
    servers.callback(reader.close)
    with pytest.raises(ValueError, match="another row"):
        reader.next("b", 30.0)


_WAITING_PROCESS = """
import sys
from skill_train.replay.reader import ReverbReader
from skill_train.replay.server import ReverbReplay
from skill_train.replay.tables import Draw
from skill_train.replay.writer import MOST_AHEAD, ReverbWriter
from tests.replay.streams import Streams, schema_of
from tests.replay.test_faults import DRAWS, SPECS
writer = ReverbWriter(schema_of(SPECS), sys.argv[1], 1)
writer.append(Streams(1).next())
assert writer.flush(30.0)
reader = ReverbReader(schema_of(SPECS, DRAWS), sys.argv[1])
assert reader.next("w", 0.2) is None
loaded = [name for name in sys.modules if name.split(".")[0] in ("tensorflow", "reverb")]
assert not loaded, loaded
"""


def test_a_process_can_end_while_it_waits_and_never_loads_tensorflow(serve) -> None:
    server = serve()
    result = subprocess.run(
        [sys.executable, "-c", _WAITING_PROCESS, server.address],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr


_PUBLIC_PACKAGE = """
import sys
import numpy as np
import reverb
address, count, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
client = reverb.Client(address)
samples = client.sample("once", count, emit_timesteps=False)
items = np.stack([sample.data[0] for sample in samples])
np.save(path, items)
with client.trajectory_writer(num_keep_alive_refs=1) as writer:
    for item in items:
        writer.append({"rows": item})
        writer.create_item("back", 1.0, {"rows": writer.history["rows"][-1]})
    writer.flush()
"""


def test_the_public_package_reads_ours_and_we_read_its(serve, servers, tmp_path) -> None:
    specs = [
        trials("once", 6, 100, use_once=True),
        trials("back", 6, 100, use_once=True),
    ]
    draws = {"once": Draw("once", 5), "back": Draw("back", 5)}
    server = serve(specs, draws)
    writer = ReverbWriter(schema_of(specs[:1]), server.address, 1)
    servers.callback(writer.close)
    streams = Streams(1, actions=5)
    for _ in range(31):
        writer.append(streams.next())
    assert writer.flush(30.0)
    script = [sys.executable, "-c", _PUBLIC_PACKAGE, server.address, "5", str(tmp_path / "i.npy")]
    result = subprocess.run(script, capture_output=True, text=True, timeout=100)
    assert result.returncode == 0, result.stderr
    read = LAYOUT.unpack(np.load(tmp_path / "i.npy"))
    assert list(read["observation/id"][:, 0, 2]) == [0, 6, 12, 18, 24]
    assert read["is_first"][:, 6].all()
    reader = ReverbReader(schema_of(specs, {"back": draws["back"]}), server.address)
    servers.callback(reader.close)
    batch = draw(reader, "back", 30.0)
    check_rows(batch, padded=True)
    assert list(batch.observation["id"][0, :, 2]) == [0, 6, 12, 18, 24]
