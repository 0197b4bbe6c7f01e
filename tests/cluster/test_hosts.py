"""A run over several hosts that share no disk, and the loss of one of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.cluster import hosts
from tests.cluster.hosts import Host, Hosts
from tests.cluster.live_run import PATIENCE_S, LiveRun
from tests.cluster.test_outside import OWN

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(600)]

FOLDER = "/tmp/experiment/run"
ACTORS = [f"actor-{i}" for i in range(4)]
ENDLESS = ["--limits.env-steps", "1000000000"]


@pytest.fixture
def lab() -> Iterator[Hosts]:
    reason = hosts.missing()
    if reason is not None:
        pytest.skip(reason)
    with Hosts(3) as three:
        yield three


class RunOnHosts(LiveRun):
    """A run whose driver is on the first host, watched from outside."""

    def __init__(self, lab: Hosts, cpus: Sequence[int]) -> None:
        self.lab, self.head = lab, lab.all[0]
        self.head.path(FOLDER).parent.mkdir()
        super().__init__(self.head.path(FOLDER))
        self.address = lab.start_ray(cpus)

    def begin(self, *overrides: str) -> None:
        """Start, and wait until every component has answered and the learner has learned."""
        tiny = ["run", "quickstart", "--tiny", "--actors", "4", "--run-dir", FOLDER]
        often = ["--checkpoints.every-minutes", "0.03"]
        self._launch([*tiny, "--address", self.address, *often, *overrides])

    def wait_for_end(self) -> dict[str, Any]:
        """The run's last status, once it has ended by its limits."""
        assert self.process is not None
        assert self.process.wait(PATIENCE_S) == 0, self.log()
        return self.status()

    def terminate(self) -> int:
        assert self.process is not None
        self.head.run("kill", "-TERM", str(self.component("driver")["pid"]))
        return self.process.wait(PATIENCE_S)

    def addresses(self, role: str = "") -> set[str]:
        """Names of the hosts that the role's processes are on now, or all processes."""
        components = self.status()["components"]
        return {c["address"] for c in components if role in ("", c["role"])}

    def host_of(self, component: str) -> Host:
        """The host that the component is on now."""
        name = self.component(component)["address"]
        return next(host for host in self.lab.all if host.name == name)

    def lose(self, host: Host) -> None:
        """Cut a host off, and wait until everything that was there is elsewhere."""
        self.lab.cut_off(host)
        self.wait(lambda: host.name not in self.addresses(), "the loss to be noticed")
        self.wait(self._is_up, "the others to stand in")
        assert sum(c["restarts"] for c in self.status()["components"]) >= 1

    def goes_on_and_stops(self) -> None:
        """Actors and learner go on, and the run ends in good order."""
        self.wait_for_progress()
        env_steps, learner_steps = self.counters()
        assert self.terminate() == 0, self.log()
        assert self.status()["state"] == "stopped"
        last = json.loads((self.checkpoints()[-1] / "manifest.json").read_text())["counters"]
        assert last["env_steps"] >= env_steps
        assert last["learner_steps"] >= learner_steps

    def _launch(self, arguments: Sequence[str]) -> None:
        command = self.head.command(["python", "-m", "skill_train.cluster.cli", *arguments])
        with open(self.folder.parent / "driver.log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.wait(self._is_up, "the run to be up")

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        status = self.status()
        if status.get("state") != "running" or not status["learner_steps"]:
            return False
        return all(c["pid"] for c in status["components"])


def test_a_run_finishes_on_hosts_that_share_no_disk(lab: Hosts) -> None:
    """And an actor that crashes on another host leaves its last words in the run's folder."""
    run = RunOnHosts(lab, cpus=[4, 4, 4])
    run.begin("--limits.env-steps", "30000")
    assert run.addresses("replay") == {"host0"}, "where the driver and the run folder are"
    assert len(run.addresses("actor")) >= 2

    away = next(name for name in ACTORS if run.host_of(name) is not run.head)
    pid = run.component(away)["pid"]
    run.host_of(away).run("kill", "-ABRT", str(pid))
    log = run.folder / "logs" / f"{away}.log"
    run.wait(lambda: log.exists() and "Fatal Python error: Aborted" in log.read_text(), "its log")
    assert f"process {pid} on host" in log.read_text()

    status = run.wait_for_end()
    assert status["state"] == "finished"
    assert status["env_steps"] >= 30_000
    assert status["learner_steps"] > 0
    assert not any(host.path(FOLDER).exists() for host in lab.all[1:])

    large = ["run", "quickstart", "--actors", "40", "--run-dir", f"{FOLDER}-of-40"]
    command = run.head.command(
        ["python", "-m", "skill_train.cluster.cli", *large, "--address", run.address]
    )
    refused = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert refused.returncode == 2
    assert (
        "needs 41 CPUs (40 for its actors, 1 for the learner), the cluster has 12" in refused.stderr
    )


def test_a_users_own_code_reaches_hosts_that_do_not_have_it(lab: Hosts) -> None:
    """An agent of a file, an environment and a module beside it, all on the driver's disk alone."""
    run = RunOnHosts(lab, cpus=[1, 3, 3])
    mine = run.head.path("/tmp/mine")
    mine.mkdir()
    (mine / "own_push.py").write_text(OWN)
    (mine / "own_helper.py").write_text("STEPS = 20")
    command = ["run", "/tmp/mine/own_push.py", "--actors", "4", "--run-dir", FOLDER]
    run._launch([*command, "--address", run.address, *ENDLESS, "agent.samples-per-insert=1"])
    assert run.addresses("actor") - {"host0"}
    assert not any(host.path("/tmp/mine").exists() for host in lab.all[1:])
    run.goes_on_and_stops()


def test_the_loss_of_a_host_is_survived(lab: Hosts) -> None:
    run = RunOnHosts(lab, cpus=[4, 4, 4])
    run.begin(*ENDLESS)
    needed = [run.host_of("replay"), run.host_of("learner")]
    run.lose(next(host for name in ACTORS if (host := run.host_of(name)) not in needed))
    assert run.component("learner")["restarts"] == 0
    run.goes_on_and_stops()


def test_the_loss_of_the_learners_host_is_survived(lab: Hosts) -> None:
    """Also with weights that Ray keeps on the learner's node, as it does above 100 kB.

    Actors seldom fetch weights here, so that the newest are nowhere else.
    """
    run = RunOnHosts(lab, cpus=[0, 5, 5])
    large = ["--agent.policy.low-sizes", "256,256", "--actors.steps-per-refresh", "2000"]
    run.begin(*ENDLESS, *large)
    run.wait(lambda: len(run.checkpoints()) > 0, "a checkpoint")
    run.lose(run.host_of("learner"))
    assert run.component("learner")["restarts"] == 1
    run.goes_on_and_stops()
