"""Every command, in one process; each mistake is one sentence and exit status 2."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import imageio.v2 as imageio
import psutil
import pytest

from skill_train.actors.vector_env import BrokenTaskError
from skill_train.cluster import cli, launch
from skill_train.cluster.plan.build import Plan
from skill_train.cluster.show import latents
from skill_train.cluster.store.run_dir import RunDir

ROOT = Path(__file__).resolve().parents[2]
HUGE = ["--agent.policy.high-sizes", "1000000000", "1000000000"]
SHORT = ["--limits.env-steps", "1700", "--evaluation.final-episodes", "2"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A run of the smallest kind, finished."""
    path = tmp_path_factory.mktemp("runs") / "run"
    status = cli.main(
        ["run", "quickstart", "--tiny", "--inline", "--seed", "3", "--run-dir", str(path), *SHORT]
    )
    assert status == 0
    return path


def answer(capsys, *args: str) -> str:
    assert cli.main(args) == 0
    return capsys.readouterr().out


def complaint(capsys, *args: str) -> str:
    """The one sentence on stderr."""
    assert cli.main(args) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("skill-train: ")
    assert said.err.count("\n") == 1
    return said.err


def test_help_needs_no_heavy_library():
    program = (
        "import sys\nfrom skill_train.cluster import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print({'torch', 'ray', 'mujoco', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"


def test_a_terminal_that_lacks_letters_shows_the_rest(monkeypatch):
    program = (
        "from skill_train.cluster import cli\n"
        "cli.COMMANDS['list'] = lambda args: print('return 0.5 ▁█')\n"
        "cli.main(['list'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stdout) == (0, b"return 0.5 ??\n"), done.stderr


def test_list(capsys):
    facts = {e["name"]: e for e in json.loads(answer(capsys, "list", "--json"))}
    small = facts["hierarchical_kl/transfer-ball-move-box-easy-to-move-box-mid-small"]
    assert (small["paper"], small["task"], small["body"]) == (
        "hierarchical_kl",
        "MoveBoxMid",
        "ball",
    )
    assert small["after"] == "hierarchical_kl/ball-move-box-easy-small"
    assert small["env_steps"] == 1_500_000
    # 200,000 updates of 0.62 s
    full = facts["hierarchical_kl/ant-go-to-target"]
    assert full["hours"] == pytest.approx(34.4, abs=0.1)
    assert full["figure"] == "figure 3, left"
    assert "comes after hierarchical_kl/grid-1step" in answer(
        capsys, "list", "hierarchical_kl/grid-body-transfer-8step"
    )
    assert "--agent.kl-cost" in answer(capsys, "list", "quickstart")
    fields = json.loads(answer(capsys, "list", "quickstart", "--json"))
    assert fields["actors.count"]["type"] == "int"


def test_list_is_one_screen_of_what_was_measured(capsys):
    lines = answer(capsys, "list").splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100
    assert "  8 min  quickstart and 5 variants: 100 % success, 3 seeds" in lines
    assert "vate: 5 of 12 measured; all: skill-train list --paper vate" in lines
    (ours,) = [line for line in lines if line.startswith("hierarchical_kl: ")]
    found = json.loads(answer(capsys, "list", "--paper", "hierarchical_kl", "--json"))
    hours = [one["name"] for one in found if (one["hours"] or 0) > 1]
    assert f"of {len(found)} measured, {len(hours)} take hours; " in ours


def names_listed(capsys, *args: str) -> set[str]:
    return {one["name"] for one in json.loads(answer(capsys, "list", *args, "--json"))}


def test_list_shows_what_is_asked_for(capsys):
    gap = {"ant-gap", "transfer-ant-go-to-target-to-gap-distral", "ant-gap-small"}
    assert {f"hierarchical_kl/{name}" for name in gap} <= names_listed(capsys, "GAP")
    short = names_listed(capsys, "ant-gap", "--max-hours", "0.1")
    assert short == {"hierarchical_kl/ant-gap-small"}
    assert "2 min  hierarchical_kl/ant-gap-small: return 64" in answer(
        capsys, "list", "ant-gap-small"
    )
    assert all(name.startswith("dse/") for name in names_listed(capsys, "--paper", "dse"))
    every = answer(capsys, "list", "--all")
    assert all(f"  {name}" in every for name in names_listed(capsys))
    assert "hierarchical_kl, figure 3, left:\n   34 h  hierarchical_kl/ant-go-to-target\n" in every


def test_list_of_an_unknown_time_is_left_out_where_there_is_a_limit(capsys):
    assert "vate/cheetah-vel" in names_listed(capsys, "cheetah")
    assert "none is known" in complaint(capsys, "list", "cheetah", "--max-hours", "1000000")


def test_run_records_what_was_asked_for(trained):
    config = RunDir.open(trained).config
    assert (config.seed, config.inline, config.tiny) == (3, True, True)
    assert config.overrides == tuple(SHORT)
    assert config.resolved["limits"]["env_steps"] == 1700


def test_a_finished_run_is_neither_evaluated_nor_saved_again(trained, capsys):
    before = {p: p.stat().st_mtime_ns for p in trained.rglob("*") if p.is_file()}
    said = answer(capsys, "resume", str(trained))
    assert "finished after 1," in said
    assert "nothing is left to do" in said
    assert f"skill-train video {trained}" in said
    assert {p: p.stat().st_mtime_ns for p in trained.rglob("*") if p.is_file()} == before


def test_status(trained, capsys):
    found = json.loads(answer(capsys, "status", str(trained), "--json"))
    assert found["state"] == "finished"
    assert found["env_steps"] >= 1700
    assert found["components"] == []
    assert "finished" in answer(capsys, "status", str(trained))


def test_status_of_all_runs_and_a_dead_one(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert "no runs yet" in answer(capsys, "status")
    assert json.loads(answer(capsys, "status", "--json")) == []
    run = RunDir.create(tmp_path / "runs" / "a", "quickstart", [], None, 0)
    program = (
        "import sys; from skill_train.cluster.store.run_dir import RunDir\n"
        "RunDir.open(sys.argv[1]).write_status({'state': 'running', 'env_steps': 5, "
        "'learner_steps': 1, 'components': []})"
    )
    subprocess.run([sys.executable, "-c", program, str(run.path)], cwd=ROOT, check=True)
    (found,) = json.loads(answer(capsys, "status", "--json"))
    assert (found["state"], found["env_steps"]) == ("dead", 5)
    assert "dead" in answer(capsys, "status", "a")
    assert "dead" in answer(capsys, "stop", "a")


def test_an_odd_folder_leaves_the_status_of_the_others(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    RunDir.create(tmp_path / "runs" / "good", "quickstart", [], None, 0)
    for name, text in (("odd", "{}"), ("empty", "")):
        (tmp_path / "runs" / name).mkdir()
        (tmp_path / "runs" / name / "config.json").write_text(text)
    found = {Path(one["run"]).name: one for one in json.loads(answer(capsys, "status", "--json"))}
    assert found["good"]["state"] == "new"
    assert found["odd"]["state"] == found["empty"]["state"] == "unreadable"
    assert "odd/config.json is damaged" in found["odd"]["error"]
    assert "experiment is missing" in answer(capsys, "status")
    assert "config.json is damaged" in complaint(capsys, "status", "odd")


def test_eval(trained, capsys):
    args = ["eval", str(trained), "--episodes", "2", "--seed", "1"]
    first = json.loads(answer(capsys, *args, "--json"))
    assert first["episodes"] == 2
    assert isinstance(first["return_mean"], float)
    assert 0 <= first["success_rate"] <= 1
    assert json.loads(answer(capsys, *args, "--json")) == first
    assert "2 episodes: mean return" in answer(capsys, *args, "--checkpoint", "best")


def test_plot(trained, tmp_path, capsys):
    out = tmp_path / "curve.png"
    answer(capsys, "plot", str(trained), "--out", str(out), "--x", "minutes")
    assert out.read_bytes()[1:4] == b"PNG"


def test_latents_and_skills(trained, tmp_path, monkeypatch, capsys):
    picture, film = tmp_path / "latents.png", tmp_path / "skills.mp4"
    said = answer(capsys, "latents", str(trained), "--out", str(picture), "--seed", "2")
    assert picture.read_bytes()[1:4] == b"PNG"
    steps = int(said.split()[-2])
    found = latents.trace(RunDir.open(trained), 2)
    assert found.latent.shape == (steps, 2)
    assert 1 <= steps <= 400
    assert found.success == bool(found.reward.sum() > 0)
    args = ["--panels", "4", "--seconds", "1"]
    assert "4 environments" in answer(capsys, "skills", str(trained), "--out", str(film), *args)
    frames = list(imageio.get_reader(film).iter_data())
    assert len(frames) == 20
    assert frames[0].shape == (512, 512, 3)


def test_agents_without_latents_or_skills(tmp_path, capsys):
    run = tmp_path / "run"
    args = ["--tiny", "--inline", "--run-dir", str(run), *SHORT]
    assert cli.main(["run", "quickstart-svg0", *args]) == 0
    capsys.readouterr()
    assert "has no latents" in complaint(capsys, "latents", str(run), "--out", "x.png")
    assert "no default policy" in complaint(capsys, "skills", str(run), "--out", "x.mp4")


def test_latents_of_a_task_that_breaks(trained, tmp_path, monkeypatch, capsys):
    def broken(plan, tasks, slots, seed):
        raise BrokenTaskError("task 0 failed to reset 5 times")

    monkeypatch.setattr(Plan, "environments", broken)
    told = complaint(capsys, "latents", str(trained), "--out", str(tmp_path / "x.png"))
    assert "task 0 failed to reset 5 times" in told


def test_video_goes_to_the_filmer(trained, tmp_path, monkeypatch, capsys):
    from skill_train.actors import video

    def record(agent, make, tasks, episodes, seed, path):
        assert (tuple(tasks), episodes, seed) == ((0,), 2, 5)
        path.write_bytes(b"film")
        return [None] * episodes

    monkeypatch.setattr(video, "record", record)
    out = tmp_path / "film.mp4"
    args = ["video", str(trained), "--out", str(out), "--episodes", "2", "--seed", "5"]
    assert "2 episodes" in answer(capsys, *args)
    assert out.read_bytes() == b"film"


def test_stop_ends_a_running_run_with_a_checkpoint(tmp_path, capsys):
    path = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "skill_train.cluster.cli", "run", "quickstart", "--tiny", "--inline",
         "--run-dir", str(path), "--limits.env-steps", "100_000_000"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if path.exists() and (path / "status.json").exists():
                status = RunDir(path).read_status()
                if status.state == "running":
                    break
            time.sleep(0.05)
        said = complaint(capsys, "resume", str(path))
        assert "is being run by another process" in said
        assert answer(capsys, "stop", str(path)).endswith(": stopped\n")
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert "skill-train resume" in out
    assert RunDir(path).checkpoints.load_latest() is not None


@pytest.fixture
def stranger():
    """A process that has nothing to do with any run."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


def claimed_run(path: Path, process: subprocess.Popen) -> RunDir:
    """A run whose status names ``process``, as anybody could write it."""
    run = RunDir.create(path, "quickstart", [], None, 0)
    status = {
        "state": "running",
        "pid": process.pid,
        "pid_started": psutil.Process(process.pid).create_time(),
        "host": socket.gethostname(),
    }
    (run.path / "status.json").write_text(json.dumps(status))
    return run


def test_stop_leaves_a_process_alone_that_does_not_run_the_run(tmp_path, stranger, capsys):
    run = claimed_run(tmp_path / "run", stranger)
    told = complaint(capsys, "stop", str(run.path))
    assert f"names process {stranger.pid} as its driver, which does not run it" in told
    assert stranger.poll() is None


def test_stop_leaves_another_users_process_alone(tmp_path, stranger, monkeypatch, capsys):
    def open_files(self):
        raise psutil.AccessDenied(self.pid)

    run = claimed_run(tmp_path / "run", stranger)
    monkeypatch.setattr(psutil.Process, "open_files", open_files)
    assert "belongs to another user" in complaint(capsys, "stop", str(run.path))
    assert stranger.poll() is None


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["run", "quikstart"], "there is no experiment 'quikstart'; did you mean quickstart"),
        (["run", "quickstart", "--agent.kl-cots", "1"], "did you mean --agent.kl-cost"),
        (["run", "quickstart", "--actors", "many"], "--actors"),
        (["run", "quickstart", "--agent.critic-groups", "smell"], "group 'smell' does not exist"),
        (["run", "dse/cartpole-3x3", "--tasks.tasks", "99"], "has tasks 0 to 8, no 99"),
        (["run", "quickstart", "--tasks.family.env-id", "nope:X"], "No module named 'nope'"),
        (["run", "quickstart", "--tasks.family.kwargs.arena-size", "1e300"], "out of range"),
        (["run", "quickstart", *HUGE], "not enough memory|can't allocate memory"),
        (["run", "quickstart", "--inline", "--address", "auto"], "leave out --address"),
        (
            ["run", "dse/cartpole-3x3", "--inline", "--actors.environments", "4"],
            "cannot cover 9 tasks",
        ),
        (["run", "quickstart", "--actors", "1000000"], "actors of 16 environments would take"),
        (["run"], "EXPERIMENT"),
        (
            ["list", "quikstart"],
            "no experiment has 'quikstart' in .* closest names are quickstart,",
        ),
        (["list", "--paper", "vat"], "no paper 'vat'; there are hierarchical_kl, "),
        (["list", "--max-hours", "long"], "number of hours"),
        (["list", "--max-hours", "0"], "the shortest takes 1 min"),
        (["eval", "nowhere"], "nowhere does not exist"),
        (["eval", "nowhere", "--episodes", "0"], "positive whole number"),
        (["eval", "nowhere", "--seed", "-1"], "whole number from 0 to 4294967295"),
        (["latents", "nowhere", "--seed", str(2**70), "--out", "x.png"], "4294967295 value: '118"),
        (["run", "quickstart", "--seed", str(2**32)], "number from 0 to 4294967295 value: '4294"),
        (["eval", "nowhere", "--episode", "1"], "eval does not take '--episode'"),
        (["status", "nowhere"], "nowhere does not exist"),
        (["stop", "nowhere"], "nowhere does not exist"),
        (["resume", "nowhere"], "nowhere does not exist"),
        (["plot", "nowhere", "--out", "x.png"], "nowhere does not exist"),
        (["video", "nowhere", "--out", "x.mp4"], "nowhere does not exist"),
        (["fly"], "invalid choice: 'fly'"),
    ],
)
def test_a_mistake_is_one_sentence(args, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert re.search(sentence, complaint(capsys, *args))
    assert not (tmp_path / "runs").exists()


OWN_TASK = """
import gymnasium
from skill_train.tasks.arena.go_to_target import GoToTarget
print("target_task is imported")
gymnasium.register(id="own/Target-v0", entry_point=GoToTarget, kwargs={"body": "ball"})
"""


def test_a_run_imports_only_what_the_user_names(tmp_path, monkeypatch, capsys):
    """The same run started with a module of one's own, and then met as if from a stranger."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "target_task.py").write_text(OWN_TASK)
    own = ["--tasks.family.env-id", "target_task:own/Target-v0"]
    args = ["run", "quickstart", "--tiny", "--inline", "--run-dir", "run", *SHORT, *own]
    assert "finished after" in answer(capsys, *args)
    evaluate = ["eval", "run", "--episodes", "2"]
    monkeypatch.delitem(sys.modules, "target_task")
    for command in (evaluate, ["latents", "run", "--out", "x.png"]):
        told = complaint(capsys, *command)
        assert "if you trust that code, name it: --module target_task" in told
    assert "target_task" not in sys.modules
    assert "mean return" in answer(capsys, *evaluate, "--module", "target_task")
    assert "No module named 'nowhere'" in complaint(capsys, *evaluate, "--module", "nowhere")


def test_a_run_without_a_checkpoint(tmp_path, capsys):
    run = RunDir.create(tmp_path / "a", "quickstart", [], None, 0)
    assert "has no checkpoint yet" in complaint(capsys, "eval", str(run.path))


def test_without_reverb_only_inline(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(launch.reverb_native, "installed", lambda: False)
    monkeypatch.chdir(tmp_path)
    assert "needs Reverb" in complaint(capsys, "run", "quickstart")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(28, "No space left on device", "status.json"), "the disk is full: status.json"),
        (PermissionError(13, "Permission denied", "a/b"), "a/b cannot be used: Permission denied"),
        (ConnectionRefusedError("nobody\nlistens"), "nobody listens"),
        (MemoryError("Unable to allocate 8 GiB"), "not enough memory (Unable to allocate 8 GiB)"),
        (MemoryError(), "not enough memory\n"),
    ],
)
def test_what_the_system_refuses_is_one_sentence(error, sentence, monkeypatch, capsys):
    def refused(*args, **kwargs):
        raise error

    monkeypatch.setattr(launch, "start", refused)
    assert sentence in complaint(capsys, "run", "quickstart")


def test_a_name_that_no_file_can_have_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    long = "x" * 300
    assert "cannot be used: File name too long" in complaint(capsys, "status", long)
    args = ["run", "quickstart", "--tiny", "--inline", "--run-dir", long]
    assert f"cannot write the run to {long}: File name too long" in complaint(capsys, *args)


def test_a_folder_that_nobody_may_write_to_is_one_sentence(tmp_path, monkeypatch, capsys):
    run = RunDir.create(tmp_path / "run", "quickstart", [], None, 0, tiny=True, inline=True)
    refused = PermissionError(13, "Permission denied", str(run.path / ".lock"))

    def claim(self):
        raise refused

    monkeypatch.setattr(RunDir, "claim", claim)
    assert f"{run.path}/.lock cannot be used" in complaint(capsys, "resume", str(run.path))


def test_replay_that_cannot_fit_is_refused_before_the_run_exists(capsys, tmp_path):
    big = ["--agent.replay-unrolls", "10000000000", "--run-dir", str(tmp_path / "run")]
    said = complaint(capsys, "run", "quickstart", "--tiny", "--inline", *big)
    assert "full replay tables would take" in said
    assert not (tmp_path / "run").exists()
