"""Ray's token is private, and what keeps Ray away is one sentence."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import ray
from ray.exceptions import AuthenticationError

from skill_train.cluster.errors import RunError
from skill_train.cluster.over_ray import ray_session, ray_token


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_token_is_private_and_an_old_one_becomes_so(home):
    token = home / ".ray" / "auth_token"
    ray_token.make_token()
    assert mode(token) == 0o600
    text = token.read_text()
    assert len(bytes.fromhex(text)) == 32
    for prepare in (ray_token.make_token, ray_token.offer_token):
        token.chmod(0o644)
        prepare()
        assert (mode(token), token.read_text()) == (0o600, text)


def test_a_token_of_ones_own_is_used(home, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "secret")
    ray_token.make_token()
    assert not (home / ".ray").exists()


@pytest.mark.parametrize("kept", ["in its usual place", "in RAY_AUTH_TOKEN", "nowhere"])
def test_a_token_is_offered_where_there_is_one(kept, home, monkeypatch):
    if kept == "in its usual place":
        ray_token.make_token()
    if kept == "in RAY_AUTH_TOKEN":
        monkeypatch.setenv("RAY_AUTH_TOKEN", "secret")
    monkeypatch.setenv("RAY_AUTH_MODE", "unset")  # what offer_token sets is undone with it
    del os.environ["RAY_AUTH_MODE"]
    ray_token.offer_token()
    assert os.environ.get("RAY_AUTH_MODE") == (None if kept == "nowhere" else "token")


@pytest.mark.parametrize(
    ("address", "error", "sentence"),
    [
        (None, OSError("AF_UNIX path length cannot exceed 107 bytes: /x"), "set TMPDIR to a short"),
        (None, PermissionError(13, "Permission denied", "/tmp/ray"), "Ray on this machine: .*/tmp"),
        ("host:1", AuthenticationError("no token\nfound"), "cluster at host:1: no token"),
        ("host:1", ConnectionError("Could not find"), "the Ray cluster at host:1: Could not find"),
    ],
)
def test_what_keeps_ray_away_is_one_sentence(address, error, sentence, home, monkeypatch):
    def init(**options):
        raise error

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(RunError, match=sentence) as refused:
        ray_session.ray_session(address, cpus=1).__enter__()
    assert "\n" not in str(refused.value)


@pytest.mark.cluster
def test_a_local_ray_trusts_the_private_token(home):
    """In a process of its own: Ray keeps the token that it has read."""
    program = (
        "import ray\nfrom skill_train.cluster.over_ray.ray_session import ray_session\n"
        "with ray_session(None, cpus=1):\n"
        "    print(ray.get(ray.remote(lambda: 41 + 1).remote()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "42", done.stderr
    assert mode(home / ".ray" / "auth_token") == 0o600
