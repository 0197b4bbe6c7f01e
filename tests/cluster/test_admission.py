"""What would hang, learn nothing or not fit is refused before the run exists."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from skill_train.cluster import machine
from skill_train.cluster.errors import RunError
from skill_train.cluster.plan import admission, planning
from skill_train.cluster.plan.admission import unshared
from skill_train.experiments.spec import Actors
from skill_train.replay.tables import transitions, trials
from tests.replay.streams import schema_of

QUEUES = [trials("episodes", 50, 100, use_once=True, per_task=True)]
RATIOS = [transitions("replay", 100, samples_per_insert=8.0, per_task=True)]
ALIKE = [transitions("replay", 100, samples_per_insert=8.0)]
FREE = [transitions("replay", 100, per_task=True)]


@pytest.mark.parametrize(
    ("count", "environments", "tables", "sentence"),
    [
        (1, 4, QUEUES, "1 x 4 environments .* cannot cover 9 tasks; ask for at least 9 in all"),
        (1, 8, ALIKE, "cannot cover 9 tasks"),
        (2, 5, RATIOS, "2 x 5 environments .* evenly over 9 tasks, .* a multiple of 9 in all"),
        (2, 9, RATIOS, None),
        (3, 3, RATIOS, None),
        (2, 5, QUEUES, None),
        (2, 5, FREE, None),
        (2, 5, ALIKE, None),
        (1, 9, QUEUES, None),
    ],
)
def test_environments_are_shared_out_over_nine_tasks(count, environments, tables, sentence):
    told = unshared(Actors(count, environments), schema_of(tables, tasks=range(9)))
    if sentence is None:
        assert told is None
    else:
        assert told is not None
        assert re.search(sentence, told)


def refused(name: str, *changes: str, inline: bool = False, address: str | None = None) -> str:
    plan = planning.plan_for(planning.stage_for(name, changes, tiny=True), 0)
    with pytest.raises(RunError) as caught:
        admission.check(plan, inline, address)
    return str(caught.value)


def test_an_inline_run_has_one_actor():
    assert "1 x 5 environments" in refused(
        "dse/cartpole-3x3", "--actors.environments", "5", inline=True
    )
    assert "2 x 5 environments" in refused("dse/reacher-3x3", "--actors.environments", "5")


def test_a_publication_slower_than_what_counts_as_hung():
    told = refused("quickstart", "--learning.seconds-per-publish", "300")
    assert told.startswith("--learning.seconds-per-publish must be below 300, not 300")


def test_calls_longer_than_what_counts_as_hung():
    """So many would take days at any speed."""
    told = refused("quickstart", "--actors.steps-per-refresh", str(10**12))
    assert told.startswith("--actors.steps-per-refresh 1000000000000 would take about ")
    told = refused("quickstart", "--evaluation.episodes", str(10**10))
    assert told.startswith("--evaluation.episodes 10000000000 would take about ")


def test_the_pace_of_episodes(monkeypatch):
    plan = planning.plan_for(planning.stage_for("quickstart", (), tiny=True), 0)
    ticks = iter([10.0, 14.0])
    monkeypatch.setattr(admission.time, "perf_counter", lambda: next(ticks))
    per_step, per_episode = admission._seconds_per_step_and_episode(plan)
    assert per_episode == pytest.approx(4.0 / admission.SAMPLE_EPISODES)
    # An episode of the quickstart's task has at most 400 steps.
    assert per_episode / 400 <= per_step < per_episode


def test_more_actors_than_memory(monkeypatch):
    monkeypatch.setattr(machine, "memory_bytes", lambda: 8_000_000_000)
    told = refused("quickstart", "--actors.count", "1000")
    assert told.startswith("1000 actors of 4 environments would take 210 GB of this machine's 8 GB")
    many = planning.stage_for("quickstart", ["--actors.count", "1000"], tiny=True)
    admission.check(planning.plan_for(many, 0), inline=True, address=None)
    admission.check(planning.plan_for(many, 0), inline=False, address="auto")


def test_more_environments_than_memory(monkeypatch):
    monkeypatch.setattr(admission, "_bytes_per_environment", lambda plan: 2e6)
    monkeypatch.setattr(machine, "memory_bytes", lambda: 8_000_000_000)
    told = refused("quickstart", "--actors.environments", "9000", inline=True)
    assert told.startswith("1 actors of 9000 environments would take 18 GB of this machine's 8 GB")


class Heavy:
    """Environments of 2 MB each, half of it touched when they are made, the rest at their reset."""

    def __init__(self, tasks, slots, seed):
        self.size = len(slots)
        self.made = np.ones(1_000_000 * self.size, np.uint8)

    def reset(self):
        self.played = np.ones(1_000_000 * self.size, np.uint8)

    def close(self):
        pass


def test_an_environment_is_weighed(monkeypatch):
    plan = planning.plan_for(planning.stage_for("quickstart", (), tiny=True), 0)
    monkeypatch.setattr(admission, "make_environments", Heavy)
    assert admission._bytes_per_environment(plan) == pytest.approx(2e6, rel=0.1)


def test_small_rows_take_what_reverb_takes_and_in_one_process_their_own_bytes(monkeypatch):
    """100,000 transitions: some 20 MB of rows, and 1.6 kB more for each in a Reverb server."""
    plan = planning.plan_for(planning.stage_for("sac/reacher", (), tiny=False), 0)
    rows = 2 * plan.schema.layout.row_bytes * 100_000
    monkeypatch.setattr(machine, "memory_bytes", lambda: 200_000_000)
    admission.check(plan, inline=True, address="auto")
    with pytest.raises(RunError) as caught:
        admission.check(plan, inline=False, address="auto")
    wanted = (1_600 * 100_000 + 1.05 * rows) / 1e9
    assert str(caught.value).startswith(f"full replay tables would take {wanted:.1f} GB of ")


def test_a_batch_larger_than_memory():
    told = refused("quickstart", "--agent.batch-size", "1000000000", inline=True)
    assert told.startswith("one batch would take ")
    assert "give the agent a smaller batch" in told


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("groups", "files", "limit"),
    [
        ("0::/a/b\n", {"sys/fs/cgroup/a/memory.max": "1000", "sys/fs/cgroup/a/b/memory.max": "max"},
         1000),
        ("0::/\n", {"sys/fs/cgroup/memory.max": "7"}, 7),
        ("5:cpu:/x\n4:memory:/docker/1\n", {"sys/fs/cgroup/memory/memory.limit_in_bytes": "42"},
         42),
        ("0::/a\n", {"sys/fs/memory.max": "1"}, None),
        ("", {}, None),
    ],
)  # fmt: skip
def test_memory_is_that_of_the_control_group(groups, files, limit, tmp_path):
    write(tmp_path / "proc/self/cgroup", groups)
    for name, text in files.items():
        write(tmp_path / name, text)
    whole = machine.memory_bytes(tmp_path / "nothing")
    assert machine.memory_bytes(tmp_path) == (whole if limit is None else limit)
