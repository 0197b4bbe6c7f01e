"""The loader of Reverb's compiled module, where Reverb is missing or another version."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from skill_train.replay import reverb_native
from skill_train.replay.reverb_native import ReverbUnavailable, native

SERVE = """
from skill_train.replay.reverb_native import native, table_states
reverb = native()
table = reverb.Table(
    name="a", sampler=reverb.UniformSelector(), remover=reverb.FifoSelector(), max_size=1,
    max_times_sampled=0, rate_limiter=reverb.RateLimiter(1.0, 1, -1e9, 1e9), extensions=[],
    signature=None,
)
import socket
with socket.socket() as probe:
    probe.bind(("", 0))
    port = probe.getsockname()[1]
server = reverb.Server([table], port, None)
print(*table_states(reverb.Client(f"localhost:{port}"), 10.0))
server.Stop()
"""


@pytest.mark.reverb
@pytest.mark.parametrize("name", ["http_proxy", "https_proxy"])
def test_a_web_proxy_is_not_asked_for_the_replay_server(name) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVE],
        env={**os.environ, name: "http://127.0.0.1:9"},  # where nobody listens
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "a", done.stderr


@pytest.mark.parametrize(
    ("versions", "message"),
    [
        ({}, "needs dm-reverb==0.14.0 .* none is installed"),
        ({"dm-reverb": "0.15.0"}, "but 0.15.0 is installed"),
        ({"dm-reverb": "0.14.0"}, "TensorFlow 2.15.*, but none"),
        ({"dm-reverb": "0.14.0", "tensorflow": "2.16.1"}, "but 2.16.1 is installed"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(monkeypatch, versions, message) -> None:
    monkeypatch.setattr(reverb_native, "_version", versions.get)
    with pytest.raises(ReverbUnavailable, match=message):
        native.__wrapped__()
