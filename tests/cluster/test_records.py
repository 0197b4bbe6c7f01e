"""A run's files are read whole into dataclasses; what is damaged is one sentence with its field."""

from __future__ import annotations

import json

import pytest

from skill_train.cluster.errors import RunError
from skill_train.cluster.loop.progress import Progress
from skill_train.cluster.store.records import COUNTERS, Config, Manifest, Status, parse, read
from skill_train.experiments.spec import Limits

CONFIG = {
    "experiment": "paper/task",
    "overrides": ["--a", "1"],
    "seed": 3,
    "tiny": False,
    "inline": True,
    "resolved": {"type": "Stage", "rates": [0.5, None]},
    "of_a_later_version": [1],
}
MANIFEST = {"counters": dict.fromkeys(COUNTERS, 1), "score": None, "files": {"replay/a": "00"}}


def test_what_was_written_is_read():
    config = parse(json.dumps(CONFIG), Config)
    assert config == Config("paper/task", ("--a", "1"), 3, False, True, CONFIG["resolved"], None)
    status = {
        "state": "running",
        "env_steps": 5,
        "learner_steps": 1,
        "metrics": {"return_mean": 1, "loss": 0.5},
        "components": [
            {"role": "actor", "name": "actor-0", "pid": None, "address": None, "restarts": 2}
        ],
    }
    found = parse(json.dumps(status), Status)
    assert found.metrics == {"return_mean": 1.0, "loss": 0.5}
    (actor,) = found.components
    assert (actor.name, actor.pid, actor.restarts) == ("actor-0", None, 2)
    manifest = parse(json.dumps(MANIFEST), Manifest)
    assert manifest.files == {"replay/a": "00"}
    assert manifest.score is None


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        (Config, "{}", "experiment is missing"),
        (Config, "[]", "all of it cannot be '[]'"),
        (Config, '{"exper', "line 1 column"),
        (Config, "[" * 100_000, "recursion"),
        (Config, json.dumps({**CONFIG, "experiment": 5}), "experiment cannot be '5'"),
        (Config, json.dumps({**CONFIG, "overrides": "--a"}), "overrides cannot be '--a'"),
        (Config, json.dumps({**CONFIG, "tiny": 1}), "tiny cannot be '1'"),
        (Config, json.dumps({**CONFIG, "seed": -1}), "seed must be from 0 to 4294967295, not -1"),
        (Config, json.dumps({**CONFIG, "seed": True}), "seed cannot be 'True'"),
        (Status, "{}", "state is missing"),
        (Status, '{"state": "asleep"}', "state must be one of new, starting, running"),
        (Status, '{"state": "running", "pid": -1}', "pid must be above 0, not -1"),
        (Status, '{"state": "running", "pid": "x"}', "pid cannot be 'x'"),
        (Status, '{"state": "running", "env_steps": 1.5}', "env_steps cannot be '1.5'"),
        (Status, '{"state": "running", "components": [1]}', "components cannot be '1'"),
        (Status, '{"state": "new", "pid_started": %s}' % ("9" * 999), "too large"),
        (Manifest, "[]", "all of it cannot be '[]'"),
        (Manifest, json.dumps({**MANIFEST, "counters": {}}), "counters lack env_steps, learner"),
        (Manifest, json.dumps({**MANIFEST, "score": "high"}), "score cannot be 'high'"),
        (Manifest, json.dumps({**MANIFEST, "files": {"../a": "0"}}), "'../a', which lies outside"),
        (Manifest, json.dumps({**MANIFEST, "files": {"/a": "0"}}), "'/a', which lies outside"),
    ],
)
def test_what_is_damaged_is_one_sentence(kind, text, sentence, tmp_path):
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(RunError) as refused:
        read(path, kind)
    told = str(refused.value)
    assert told.startswith(f"{path} is damaged, or not from a run: ")
    assert sentence in told
    assert "\n" not in told


def test_bytes_and_a_folder_are_one_sentence(tmp_path):
    path = tmp_path / "file.json"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(RunError, match=r"file.json is damaged"):
        read(path, Config)
    with pytest.raises(RunError, match="cannot be read: Is a directory"):
        read(tmp_path, Config)


def test_a_run_counts_what_a_checkpoint_must():
    assert set(COUNTERS) == set(Progress(Limits(env_steps=1)).counters())
