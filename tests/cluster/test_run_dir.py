"""A kill, a full disk or a damaged file at any point leaves the last whole checkpoint usable."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from skill_train.cluster.errors import RunError
from skill_train.cluster.store import atomic, checkpoints, run_dir
from skill_train.cluster.store.records import COUNTERS
from skill_train.cluster.store.run_dir import RunDir


@dataclass(frozen=True)
class Part:
    sizes: tuple[int, ...] = (3, 4)
    make: type = dict


@dataclass(frozen=True)
class Whole:
    part: Part
    rate: float = 0.5


class Killed(BaseException):
    """Stands for kill -9: nothing may tidy up after it."""


@pytest.fixture
def run(tmp_path) -> RunDir:
    return RunDir.create(tmp_path / "run", "paper/task", ["--rate", "1"], Whole(Part()), 7)


def counters(step: int) -> dict:
    return dict.fromkeys(COUNTERS, 0) | {"learner_steps": step, "elapsed_seconds": 0.5}


def state(step: int) -> dict:
    return {"agent": {"w": torch.full((3,), float(step))}, "steps": step}


def save(run: RunDir, step: int, **options) -> Path:
    return run.checkpoints.save(counters(step), state(step), **options)


def fill(text: str):
    def save_replay(folder: Path) -> None:
        (folder / "inner").mkdir()
        (folder / "inner" / "table.npz").write_text(text)

    return save_replay


def test_config_and_environment_are_recorded(run):
    config = run.config
    assert config.experiment == "paper/task"
    assert config.overrides == ("--rate", "1")
    assert config.seed == 7
    assert config.resolved["part"] == {"type": "Part", "sizes": [3, 4], "make": "dict"}
    environment = json.loads((run.path / "environment.json").read_text())
    assert environment["packages"]["torch"] == torch.__version__.split("+")[0] or environment
    assert environment["machine"]["cpus"] >= 1


def test_an_existing_run_is_not_overwritten(run):
    with pytest.raises(RunError, match="already exists and is not empty"):
        RunDir.create(run.path, "paper/task", [], Whole(Part()), 0)


def test_a_missing_run_names_what_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match=r"nowhere does not exist; runs/ holds no runs yet"):
        RunDir.open("nowhere")
    made = RunDir.create(None, "paper/task", [], Whole(Part()), 0)
    assert made.path.parent == tmp_path / "runs"
    assert made.path.name.startswith("paper_task-2")
    with pytest.raises(RunError, match=f"runs/ holds {made.path.name}"):
        RunDir.open("nowhere")
    assert RunDir.open(made.path.name).path == made.path


def test_status_round_trip_and_a_dead_driver(run, monkeypatch):
    assert run.read_status().state == "new"
    run.write_status({"state": "running", "env_steps": 5})
    status = run.read_status()
    assert (status.state, status.env_steps, status.pid) == ("running", 5, os.getpid())
    monkeypatch.setattr(run_dir, "_process_started", lambda pid: None)
    assert run.read_status().state == "dead"
    run.write_status({"state": "finished"})
    assert run.read_status().state == "finished"


def test_of_two_starts_in_one_folder_one_is_refused(tmp_path, monkeypatch):
    """Both have found it empty, and then the first one writes its config."""
    where = tmp_path / "run"
    real = atomic.create_json

    def create(path, values):
        monkeypatch.setattr(run_dir, "create_json", real)
        RunDir.create(where, "paper/first", [], Whole(Part()), 1)
        real(path, values)

    monkeypatch.setattr(run_dir, "create_json", create)
    with pytest.raises(RunError, match="already exists and is not empty"):
        RunDir.create(where, "paper/second", [], Whole(Part()), 2)
    assert (RunDir(where).config.experiment, RunDir(where).config.seed) == ("paper/first", 1)


def test_two_starts_at_the_same_second_get_a_folder_each(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_dir.time, "strftime", lambda style: "now")
    made = [RunDir.create(None, "paper/task", [], Whole(Part()), i).path.name for i in range(3)]
    assert made == ["paper_task-now", "paper_task-now-2", "paper_task-now-3"]


def test_a_file_system_without_locks_is_named(run, monkeypatch):
    def flock(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(run_dir.fcntl, "flock", flock)
    with pytest.raises(RunError, match="cannot be locked .No locks available.*with locks"):
        run.claim().__enter__()


def test_one_driver_at_a_time(run):
    with run.claim(), pytest.raises(RunError, match="another process"), run.claim():
        pass
    with run.claim():
        pass


def test_a_checkpoint_comes_back(run):
    assert run.checkpoints.load_latest() is None
    assert run.checkpoints.load_best() is None
    save(run, 10, save_replay=fill("rows"), score=0.25)
    loaded = run.checkpoints.load_latest()
    assert loaded.counters == counters(10)
    assert torch.equal(loaded.learner_state["agent"]["w"], torch.full((3,), 10.0))
    assert (loaded.replay / "inner" / "table.npz").read_text() == "rows"
    assert loaded.score == 0.25
    assert loaded.path.name == "000000010"
    assert run.checkpoints.load_latest(with_replay=False).replay is None


def test_the_last_k_and_the_best_are_kept(run):
    for step, score in [(1, 0.1), (2, 0.9), (3, None), (4, 0.5), (5, 0.2)]:
        save(run, step, score=score, keep=2)
    assert [p.name for p in run.checkpoints.paths()] == ["000000005", "000000004", "000000002"]
    assert run.checkpoints.load_best().counters["learner_steps"] == 2
    assert run.checkpoints.load_latest().counters["learner_steps"] == 5


def test_the_same_learner_step_twice_keeps_order(run):
    save(run, 0)
    for _ in range(11):
        again = save(run, 0, keep=2)
    assert again.name == "000000000-12"
    assert run.checkpoints.load_latest().path == again
    assert len(run.checkpoints.paths()) == 2


def test_a_copy_of_a_checkpoint_is_left_alone(run):
    first = save(run, 20)
    copies = [first.with_name(name) for name in ("000000020-backup", "20 copy", "²", "latest")]
    for copy in copies:
        shutil.copytree(first, copy)
    assert run.checkpoints.paths() == [first]
    assert run.checkpoints.load_latest().path == first
    second = save(run, 20, keep=1)
    assert (second.name, run.checkpoints.paths()) == ("000000020-2", [second])
    assert all(copy.is_dir() for copy in copies)


def test_replay_can_be_lent_by_an_earlier_checkpoint(run):
    first = save(run, 1, save_replay=fill("rows"))
    second = save(run, 2, replay_from=first, keep=1)
    assert run.checkpoints.paths() == [second]
    assert (run.checkpoints.load_latest().replay / "inner" / "table.npz").read_text() == "rows"


def damage_learner(path: Path) -> None:
    data = bytearray((path / "learner.pt").read_bytes())
    data[len(data) // 2] ^= 1
    (path / "learner.pt").write_bytes(data)


def edit_manifest(path: Path, **changes) -> None:
    values = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**values, **changes}))


DAMAGES = {
    "learner": damage_learner,
    "replay": lambda path: (path / "replay/inner/table.npz").write_text("sworn"),
    "replay lost": lambda path: shutil.rmtree(path / "replay"),
    "manifest without counters": lambda path: edit_manifest(path, counters={}),
    "manifest that leads outside": lambda path: edit_manifest(path, files={"../../x": "00"}),
    "manifest": lambda path: (path / "manifest.json").write_text('{"coun'),
    "manifest lost": lambda path: (path / "manifest.json").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_checkpoint_is_named_and_passed_over(run, damage, caplog):
    save(run, 1, save_replay=fill("rows"), score=1.0)
    save(run, 2, save_replay=fill("rows"), score=2.0)
    damage(run.checkpoints.paths()[0])
    with caplog.at_level(logging.WARNING):
        assert run.checkpoints.load_latest().counters["learner_steps"] == 1
    assert "000000002 is damaged" in caplog.text
    assert run.checkpoints.load_best(with_replay=True).counters["learner_steps"] == 1


@pytest.mark.parametrize("name", ["learner.pt", "manifest.json"])
def test_a_disk_that_does_not_answer_is_no_damage(run, name, monkeypatch):
    """A newer checkpoint that cannot be read just now is neither passed over nor removed."""
    for step in (1, 2, 3):
        save(run, step, score=float(step))
    broken = run.checkpoints.paths()[0] / name
    real = io.open

    def opened(file, *args, **kwargs):
        if Path(file) == broken:
            raise OSError(errno.EIO, "Input/output error", str(file))
        return real(file, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", opened)
        patch.setattr(io, "open", opened)
        for load in (run.checkpoints.load_latest, run.checkpoints.load_best):
            with pytest.raises(RunError, match=f"{name}: Input/output error.*try again"):
                load()
        save(run, 4, keep=1)
    assert run.checkpoints.load_best().counters["learner_steps"] == 3
    save(run, 5, keep=1)
    assert [path.name for path in run.checkpoints.paths()] == ["000000005", "000000003"]


def test_not_enough_memory_is_no_damage(run, monkeypatch):
    save(run, 1)
    save(run, 2)

    def load(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(torch, "load", load)
    with pytest.raises(MemoryError):
        run.checkpoints.load_latest()


def test_a_checkpoint_without_an_agent_is_passed_over(run):
    save(run, 1)
    run.checkpoints.save(counters(2), {"steps": 2})
    assert run.checkpoints.load_latest().counters["learner_steps"] == 1


def test_all_damaged_is_one_sentence(run):
    damage_learner(save(run, 1))
    with pytest.raises(RunError, match="none of the 1 checkpoints in .* is intact"):
        run.checkpoints.load_latest()


def test_going_on_from_before_a_damaged_one_removes_it(run):
    save(run, 1)
    damage_learner(save(run, 5))
    assert run.checkpoints.load_latest().counters["learner_steps"] == 1
    save(run, 3, keep=1)
    assert [p.name for p in run.checkpoints.paths()] == ["000000003"]


def test_a_checkpoint_is_not_read_by_pickle(run):
    with pytest.raises(RunError):
        run.checkpoints.save(counters(1), {"x": Whole(Part())})
        run.checkpoints.load_latest()


def disk_calls(run: RunDir, monkeypatch, error: BaseException | None, at: int) -> int:
    """Save step 2 with ``error`` raised in place of call number ``at`` that touches the disk."""
    calls = 0

    def counted(function):
        def call(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls == at:
                raise error
            return function(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        for module, name in [
            (os, "fsync"),
            (os, "replace"),
            (os, "open"),
            (Path, "mkdir"),
            (Path, "rename"),
            (checkpoints, "write_bytes"),
            (checkpoints, "write_json"),
            (atomic, "sync_folder"),
        ]:
            patch.setattr(module, name, counted(getattr(module, name)))
        if isinstance(error, Killed):  # a killed process tidies nothing up
            patch.setattr(shutil, "rmtree", lambda *args, **kwargs: None)
        save(run, 2, save_replay=fill("new"), keep=1)
    return calls


def test_a_kill_at_any_instant_leaves_a_whole_checkpoint(run, monkeypatch, tmp_path):
    total = disk_calls(run, monkeypatch, None, at=0)
    assert total > 12
    for at in range(1, total + 1):
        shutil.rmtree(run.path / "checkpoints")
        save(run, 1, save_replay=fill("old"))
        with pytest.raises(Killed):
            disk_calls(run, monkeypatch, Killed(), at)
        with run.claim():
            loaded = run.checkpoints.load_latest()
        step = loaded.counters["learner_steps"]
        assert (loaded.replay / "inner" / "table.npz").read_text() == {1: "old", 2: "new"}[step]
        assert not list((run.path / "checkpoints").glob(".*"))
        assert save(run, 3) == run.checkpoints.paths()[0]


def test_a_full_disk_at_any_write_is_one_sentence(run, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device")
    total = disk_calls(run, monkeypatch, None, at=0)
    told = 0
    for at in range(1, total):  # the last one renames the old away: it needs no space
        shutil.rmtree(run.path / "checkpoints")
        save(run, 1, save_replay=fill("old"))
        with pytest.raises(RunError, match="the disk is full"):
            disk_calls(run, monkeypatch, full, at)
        told += 1
        assert not list((run.path / "checkpoints").glob(".*"))
        assert run.checkpoints.load_latest().counters["learner_steps"] in (1, 2)
    assert told == total - 1


def test_a_truly_full_device_is_one_sentence(run, monkeypatch):
    save(run, 1)

    def write(path: Path, data: bytes) -> None:
        with open("/dev/full", "wb", buffering=0) as file:
            file.write(data)

    monkeypatch.setattr(checkpoints, "write_bytes", write)
    with pytest.raises(RunError, match="the disk is full"):
        save(run, 2)
    assert run.checkpoints.load_latest().counters["learner_steps"] == 1


def test_another_failure_of_replay_is_passed_on(run):
    def broken(folder: Path) -> None:
        raise ConnectionError("the server is away")

    with pytest.raises(ConnectionError):
        save(run, 1, save_replay=broken)
    assert run.checkpoints.paths() == []
    assert not list((run.path / "checkpoints").glob(".*"))


def test_a_status_write_that_is_killed_leaves_the_old_one(run, monkeypatch):
    run.write_status({"state": "running", "env_steps": 1})

    def killed(*args):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(Killed):
            run.write_status({"state": "running", "env_steps": 2})
    assert run.read_status().env_steps == 1
    with run.claim():
        assert not list(run.path.glob(".*.tmp"))
