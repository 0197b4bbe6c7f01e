"""What a person sees while a run goes."""

from __future__ import annotations

import io

from skill_train.cluster.loop.console import Console, duration, sparkline
from skill_train.cluster.store.run_dir import RunDir

VALUES = {
    "env_steps_per_second": 1234.5,
    "learner_updates_per_second": 56.7,
    "replay_items": 8000,
    "samples_per_insert_ratio": 7.9,
    "weight_age_learner_steps": 12,
    "success_ratio": 0.85,
    "actors_alive": 4,
    "restarts_total": 1,
    "time_left_seconds": 95,
    "done_ratio": 0.5,
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def ascii_stream(errors: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors=errors)


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_lines_where_there_is_no_terminal(tmp_path):
    now = 0.0
    stream = io.StringIO()
    console = Console(RunDir(tmp_path), "http://127.0.0.1:9/metrics", stream, lambda: now)
    for second in range(21):
        now = second
        console.update({**VALUES, "return_mean": second}, 100 * second, second)
    console.say("saving")
    console.close()
    first, *lines, last = stream.getvalue().splitlines()
    assert str(tmp_path) in first
    assert "http://127.0.0.1:9/metrics" in first
    assert last == "saving"
    assert len(lines) == 3
    for part in ("env steps 2,000", "updates/s 56.7", "return 20 ▁", "█", "success 85%",
                 "actors 4", "restarts 1", "time left 1m35s", "weight age 12"):  # fmt: skip
        assert part in lines[-1]


def test_a_live_table_in_a_terminal(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    console = Console(RunDir(tmp_path), "http://127.0.0.1:9/metrics", stream)
    console.update({**VALUES, "return_mean": 0.5}, 2000, 20)
    console.say("evaluating")
    console.close()
    text = stream.getvalue()
    for part in ("env steps/s", "1,234", "samples/insert", "7.90", "evaluating", "127.0.0.1:9"):
        assert part in text


def test_a_broken_pipe_does_not_end_the_run(tmp_path):
    console = Console(RunDir(tmp_path), None, Broken())
    console.update(VALUES, 1, 1)
    console.say("on")
    console.close()


def test_an_encoding_without_blocks_does_not_end_the_run(tmp_path):
    console = Console(RunDir(tmp_path), None, ascii_stream("strict"))
    for second in range(60):
        console.update({**VALUES, "return_mean": second}, 1, 1)
        console.say("▁ is missing")
    console.close()


def test_an_encoding_without_blocks_shows_the_rest(tmp_path):
    stream = ascii_stream("replace")
    console = Console(RunDir(tmp_path), None, stream)
    console.say("▁ is missing")
    assert b"? is missing" in stream.buffer.getvalue()


def test_sparkline():
    assert sparkline([1.0]) == ""
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([2.0, 2.0]) == "▁▁"
    assert len(sparkline(list(range(1000)))) == 16


def test_duration():
    assert [duration(s) for s in (5.9, 95, 7500)] == ["5s", "1m35s", "2h05m"]
