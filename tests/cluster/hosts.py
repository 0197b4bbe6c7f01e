"""Hosts with nothing in common but a network, made of Linux namespaces on this machine; needs root.

Each host has its own processes, disk (in memory), host name and address. The source and the virtual
environment are there to be read. The network leads nowhere else. A host is gone with its first
process, which ends when its standard input is closed: by `Hosts.close`, or by the tests' own death.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import psutil

SOURCE = Path(__file__).resolve().parents[2]
ENVIRONMENT = Path(sys.prefix)
COMMAND_SECONDS = 120.0

_SWITCH = "ip link add switch type bridge; ip link set switch up; echo; read -r _"

# Arguments: host name, address, folders to be read. A line comes out when the disk is there, one
# goes in when the network is, and one comes out when the host is up.
_HOST = r"""
set -e
name=$1 address=$2; shift 2
hostname "$name"
mount --make-rprivate /
mount -t tmpfs disk /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
cd /mnt/root
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
for folder in dev/shm run tmp; do mount -t tmpfs tmpfs $folder; done
for folder in "$@"; do
    mkdir -p ".$folder"
    mount --bind "$folder" ".$folder"
    mount -o remount,bind,ro ".$folder"
done
printf '127.0.0.1 localhost\n%s %s\n' "$address" "$name" >etc/hosts
echo
read -r _
ip link set lo up
ip address add "$address/24" dev eth0
ip link set eth0 up
exec chroot . /bin/bash -c 'echo; read -r _'
"""


def missing() -> str | None:
    """What keeps this machine from having hosts; None if nothing does."""
    if os.geteuid() != 0:
        return "hosts need root"
    if shutil.which("ip") is None:
        return "hosts need the Debian package iproute2"
    namespaces = ["unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork"]
    mounts = ["mount", "-t", "tmpfs", "disk", "/mnt"]
    if subprocess.run([*namespaces, *mounts], capture_output=True).returncode != 0:
        return "hosts need the right to make namespaces and to mount in them"
    return None


class Host:
    """One of `Hosts`."""

    def __init__(self, name: str, address: str) -> None:
        self.name, self.address = name, address
        arguments = [name, address, str(SOURCE), str(ENVIRONMENT)]
        options = ["--net", "--mount", "--pid", "--uts", "--ipc", "--fork"]
        self._process = _wait_for_end_of_input(["unshare", *options], _HOST, arguments)
        (first,) = psutil.Process(self._process.pid).children()
        self.pid = first.pid
        """The host's first process, as numbered outside."""

    def boot(self) -> None:
        """Come up; the network cable must be there."""
        _say_and_hear(self._process)

    def path(self, inside: str) -> Path:
        """The host's file ``inside``, as seen from outside."""
        return Path(f"/proc/{self.pid}/root{inside}")

    def command(self, arguments: Sequence[str]) -> list[str]:
        """``arguments`` as a command of this machine's that runs on the host."""
        enter = ["nsenter", f"--target={self.pid}", "--all", "--root", "--"]
        path = f"{ENVIRONMENT / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin"
        variables = ["HOME=/tmp", f"PATH={path}", "OMP_NUM_THREADS=1", "RAY_USAGE_STATS_ENABLED=0"]
        return [*enter, "env", "-i", f"--chdir={SOURCE}", *variables, *arguments]

    def run(self, *arguments: str) -> str:
        """Standard output of a command that runs on the host; fails where the command does."""
        done = subprocess.run(
            self.command(arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        assert done.returncode == 0, f"{self.name}: {arguments}: {done.stdout} {done.stderr}"
        return done.stdout

    def kill(self) -> None:
        """Every process of the host ends at once, and its disk is gone."""
        self._process.communicate()


class Hosts:
    """``count`` hosts named host0, host1, ... on one network; use it in a ``with`` block."""

    def __init__(self, count: int) -> None:
        self._switch = _wait_for_end_of_input(["unshare", "--net"], _SWITCH, [])
        self.all: list[Host] = []
        try:
            for number in range(count):
                self.all.append(Host(f"host{number}", f"10.77.0.{number + 1}"))
                self._plug(self.all[-1])
                self.all[-1].boot()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Hosts:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start_ray(self, cpus: Sequence[int]) -> str:
        """A Ray cluster of all hosts with ``cpus`` CPUs, host0 its head; gives its address."""
        address = f"{self.all[0].address}:6379"
        for host, count in zip(self.all, cpus, strict=True):
            where = ["--head", "--include-dashboard=false"]
            if host is not self.all[0]:
                where = [f"--address={address}"]
            place = f"--node-ip-address={host.address}"
            memory = f"--object-store-memory={100 << 20}"
            host.run("ray", "start", *where, place, f"--num-cpus={count}", memory)
        deadline = time.monotonic() + COMMAND_SECONDS
        while (status := self.all[0].run("ray", "status")).count(" node_") < len(self.all):
            assert time.monotonic() < deadline, status
        return address

    def cut_off(self, host: Host) -> None:
        """Power off: the others hear nothing more of the host, not even that it ended."""
        self._on_switch(["ip", "link", "delete", host.name])
        host.kill()

    def close(self) -> None:
        """End every process of every host, and the network."""
        for host in self.all:
            host.kill()
        self._switch.communicate()

    def _plug(self, host: Host) -> None:
        cable = ["type", "veth", "peer", "name", "eth0", "netns", str(host.pid)]
        self._on_switch(["ip", "link", "add", host.name, "up", "master", "switch", *cable])

    def _on_switch(self, command: Sequence[str]) -> None:
        subprocess.run(["nsenter", f"--target={self._switch.pid}", "--net", *command], check=True)


def _wait_for_end_of_input(
    enter: Sequence[str], script: str, arguments: Sequence[str]
) -> subprocess.Popen[str]:
    """``script`` under bash in namespaces of its own, once it has written its first line."""
    process = subprocess.Popen(
        [*enter, "/bin/bash", "-c", script, "bash", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    _hear(process)
    return process


def _say_and_hear(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    _hear(process)


def _hear(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    if not process.stdout.readline():
        process.communicate()
        raise RuntimeError(f"{process.args} ended before it was up")
