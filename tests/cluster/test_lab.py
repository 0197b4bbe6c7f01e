"""The hosts that other tests run on are apart from one another, and gone afterwards."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cluster import hosts
from tests.cluster.hosts import Hosts


def test_hosts_share_no_disk_and_leave_nothing_when_a_test_fails() -> None:
    reason = hosts.missing()
    if reason is not None:
        pytest.skip(reason)
    with pytest.raises(ZeroDivisionError), Hosts(2) as lab:
        first, second = lab.all
        assert first.run("hostname") == "host0\n"
        first.run("bash", "-c", "echo mine | tee /tmp/file /etc/file")
        assert first.path("/tmp/file").read_text() == "mine\n"
        for elsewhere in (Path("/etc/file"), second.path("/etc/file"), second.path("/tmp/file")):
            assert not elsewhere.exists()
        asleep = subprocess.Popen(second.command(["sleep", "infinity"]))
        raise ZeroDivisionError
    assert asleep.wait(timeout=60) != 0
    assert not any(Path(f"/proc/{host.pid}").exists() for host in lab.all)
