"""The supervisor of a distributed run: it starts, restarts and ends every component over Ray.

Data flows from actors through Reverb to the learner; only control, weights and reports pass here.
Every component has one short call under way; its answer decides the next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import ray

from skill_train.cluster.errors import RunError
from skill_train.cluster.loop.driver import Driver
from skill_train.cluster.over_ray import patience, placement
from skill_train.cluster.over_ray.checkpointer import Checkpointer
from skill_train.cluster.over_ray.logs import Logs
from skill_train.cluster.over_ray.members import Answer, Member, answered
from skill_train.cluster.over_ray.ray_session import ray_session
from skill_train.cluster.over_ray.turns import Turns
from skill_train.cluster.over_ray.watchdog import Watchdog, stall_in_words
from skill_train.cluster.over_ray.workers import (
    ActorWorker,
    EvaluatorWorker,
    LearnerWorker,
    ReplayServer,
)
from skill_train.cluster.plan.build import FINAL_EVALUATION_SEED, Plan
from skill_train.cluster.store.run_dir import RunDir
from skill_train.learners.loop import LearnerReport

START_SECONDS = 120.0
STOP_SECONDS = 5.0
"""The longest wait for one answer in a run that was asked to stop."""
REPLAY_INFO_SECONDS = 1.0
LAST_CALL_TRIES = 3
"""Tries of a call that ends a run, as a component may die during it."""


def run(plan: Plan, run_dir: RunDir, address: str | None = None) -> dict[str, Any]:
    """Carry out a plan over Ray until a limit or a signal, from the run's checkpoint if it has one.

    ``address``: a Ray cluster to join; None starts one on this machine and ends it afterwards.
    Returns the final results by name.
    """
    count = plan.actors.count
    with (
        run_dir.claim(),
        Driver(plan.stage, run_dir) as driver,
        ray_session(address, cpus=count + 2),
    ):
        driver.listen()
        placement.refuse_small_cluster(count, ray.cluster_resources())
        supervisor = Supervisor(plan, run_dir, driver, local=address is None)
        try:
            supervisor.start()
            supervisor.supervise()
            return supervisor.finish()
        finally:
            supervisor.kill_all()


class Supervisor:
    """The supervisor's state and loop."""

    def __init__(self, plan: Plan, run_dir: RunDir, driver: Driver, local: bool) -> None:
        self._plan, self._run, self._driver = plan, run_dir, driver
        self._logs = Logs(run_dir.path / "logs")
        self._replay_host = "localhost" if local else None
        self._address = ""
        self._serving = self._loaded = self._published = False
        self._asked_replay_at = 0.0
        self._weights: Any = None
        self._version = 0
        self._replay = Member("replay", "replay", self._start_replay, self._logs)
        self._learner = Member("learner", "learner", self._start_learner, self._logs)
        self._evaluator = Member("evaluator", "evaluator", self._start_evaluator, self._logs)
        self._actors = [
            Member("actor", f"actor-{i}", self._start_actor(i), self._logs)
            for i in range(plan.actors.count)
        ]
        learning = plan.stage.learning
        self._turns = None
        if learning is not None and plan.rounds() is not None:
            self._turns = Turns(len(self._actors), int(learning.overlap))
        self._members = [self._replay, self._learner, *self._actors, self._evaluator]
        self._watchdog = Watchdog()
        self._blocked: set[str] = set()
        """Names of the actors whose rows replay did not take in their last call."""
        self._warned = False
        self._stall: str | None = None
        """A sentence about the stall that ends the run early, if there is one."""
        keep = plan.stage.checkpoints.keep
        self._checkpointer = Checkpointer(run_dir.checkpoints, keep, self._replay)
        self._ask: dict[str, Callable[[Member], None]] = {
            "replay": self._ask_replay,
            "learner": self._ask_learner,
            "actor": self._ask_actor,
            "evaluator": self._ask_evaluator,
        }

    def start(self) -> None:
        """Start replay, then the learner with its first weights; the loop starts the others."""
        checkpoint = self._run.checkpoints.load_latest(with_replay=False)
        if checkpoint is not None:
            self._driver.restore(checkpoint.counters)
        self._driver.say("starting replay")
        self._loop([self._replay], until=lambda: self._serving)
        self._driver.say("starting the learner")
        self._loop([self._replay, self._learner], until=lambda: self._weights is not None)
        self._driver.say("starting the actors")
        for member in self._members:
            member.begin()

    def supervise(self) -> None:
        """Keep all components busy until a limit, a stop that is asked for, or a stall."""
        self._driver.running()
        while self._stall is None and not self._driver.over():
            self._turn(self._members)
            self._checkpointer.check()
            self._watch()

    def finish(self) -> dict[str, Any]:
        """Write the last checkpoint and, unless the run was stopped, make the final evaluation.

        Raises RunError where a component keeps dying during these calls, or the run stood still.
        """
        state = self._insist(self._learner, lambda: self._loaded, "state")
        if state is not None:
            progress = self._driver.progress
            self._checkpointer.last(state.value, progress.counters(), progress.score)
        self._driver.tick(self._components(), force=True)
        if self._stall is not None:
            raise RunError(f"{self._stall}; a checkpoint was saved")
        if not self._driver.stopping:
            self._driver.say("final evaluation")
            self._publish(self._request(self._learner, "work", 0.0, 0, returns=2))
            episodes = self._plan.stage.evaluation.final_episodes
            arguments = (self._weights, episodes, FINAL_EVALUATION_SEED)
            evaluator = self._evaluator
            final = self._insist(evaluator, lambda: evaluator.alive, "evaluate", *arguments)
            if final is not None:
                self._driver.add_evaluation(final.value)
            self._driver.tick(self._components(), force=True)
        return self._driver.results()

    def kill_all(self) -> None:
        """End all processes, also on a cluster that stays."""
        self._checkpointer.close()
        try:
            self._logs.last({m.name: m.handle for m in self._members if m.alive})
        finally:
            for member in self._members:
                member.kill()

    # The loop -----------------------------------------------------------------------------------

    def _turn(self, members: list[Member]) -> None:
        """Send calls to the components that are free, and act on the answers that are there."""
        for member in members:
            if member.begin():
                self._ask[member.role](member)
        for member in answered(members, timeout_s=0.1):
            answer = member.answer()
            if answer is not None:
                self._take(member, answer)
        # After the answers: where this process was suspended, answered calls look old.
        for member in members:
            member.give_up_if_hung()
        self._logs.collect()
        self._driver.tick(self._components())

    def _loop(self, members: list[Member], until: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not until() and not self._driver.stopping:
            if time.monotonic() > deadline:
                names = " and ".join(member.name for member in members)
                raise RunError(
                    f"{names} did not start within {START_SECONDS:.0f} s; is the cluster busy with "
                    "other work? Ray's logs on its nodes say more"
                )
            self._turn(members)

    def _request(self, member: Member, method: str, *arguments: Any, returns: int = 1) -> Any:
        """Call one component outside the loop; None if it dies during the call, or hangs."""
        busy = self._wait_for(member)
        if busy is not None:
            self._take(member, busy)
        if member.handle is None:
            return None
        member.send(method, *arguments, returns=returns)
        return self._wait_for(member)

    def _insist(
        self, member: Member, ready: Callable[[], bool], method: str, *arguments: Any
    ) -> Answer | None:
        """Repeat a call until there is an answer, as the component may die and be restarted.

        A run that is being stopped calls once. Raises RunError after `LAST_CALL_TRIES` deaths.
        """

        def up() -> bool:
            return member.handle is not None and ready()

        for _ in range(LAST_CALL_TRIES):
            if not up():
                self._loop([self._replay, member], until=up)
            if not up():  # the run is being stopped
                return None
            answer: Answer | None = self._request(member, method, *arguments)
            if answer is not None or self._driver.stopping:
                return answer
        raise RunError(
            f"{member.name} died {LAST_CALL_TRIES} times over its last call ({method}); its log in "
            f"{self._run.path / 'logs'} says more"
        )

    def _watch(self) -> None:
        """Warn once of a run that stands still, and end it if it goes on standing still."""
        progress = self._driver.progress
        seconds = self._watchdog.standing(progress.env_steps, progress.learner_steps)
        if seconds < patience.STALLED_SECONDS:
            self._warned = False
            return
        over = seconds >= patience.GIVE_UP_SECONDS
        if self._warned and not over:
            return
        blocked = sorted(self._blocked)
        sentence = stall_in_words(seconds, self._plan.schema, progress.tables, blocked)
        if not self._warned:
            self._warned = True
            self._driver.say(f"warning: {sentence}")
        if over:
            self._stall = sentence

    def _wait_for(self, member: Member) -> Answer | None:
        """The answer to the call under way; None without a call, or if no answer comes."""
        while member.call is not None:
            if answered([member], timeout_s=0.1):
                return member.answer()
            member.give_up_if_hung(STOP_SECONDS if self._driver.stopping else patience.HUNG_SECONDS)
        return None

    def _take(self, member: Member, answer: Answer) -> None:
        """Act on a component's report."""
        method, value, progress = answer.method, answer.value, self._driver.progress
        if method in ("act", "collect"):
            progress.add_actor(value, value.policy_version)
            (self._blocked.add if value.blocked else self._blocked.discard)(member.name)
            if value.done and self._turns is not None:
                self._turns.done(self._actors.index(member))
        elif method == "work":
            self._publish(answer)
        elif method == "state":
            self._checkpointer.begin(value, progress.counters(), progress.score)
        elif method == "info":
            progress.set_replay(value)
        elif method == "evaluate":
            self._driver.add_evaluation(value)
        elif method == "load":
            self._loaded = True
            progress.set_learner(value)
        elif method == "serve":
            self._serving, self._address = True, value

    def _publish(self, answer: Answer | None) -> None:
        """Give the weights that came with the learner's report to the actors from now on."""
        if answer is None:
            return
        report: LearnerReport = answer.value
        # The driver's own copy, as the one on the learner's node would be lost with that node.
        self._weights = ray.put(answer.rest[0])
        self._version = report.steps
        self._published = True
        if self._turns is not None:
            self._turns.published(self._weights, self._version, report.batches, report.seconds)
        waited = report.wait_seconds / report.seconds if report.seconds > 0 else None
        self._driver.progress.set_learner(report.steps, report.metrics, waited)
        self._driver.note_refused(report.metrics)

    def _components(self) -> list[dict[str, Any]]:
        actors = sum(member.alive for member in self._actors)
        restarts = sum(member.restarts for member in self._members)
        self._driver.progress.set_health(actors, restarts)
        return [member.describe() for member in self._members]

    # The next call of each role -----------------------------------------------------------------

    def _ask_replay(self, member: Member) -> None:
        if not self._serving:
            checkpoint = self._run.checkpoints.load_latest()
            member.send("serve", None if checkpoint is None else checkpoint.replay)
        elif time.monotonic() - self._asked_replay_at >= REPLAY_INFO_SECONDS:
            self._asked_replay_at = time.monotonic()
            member.send("info")

    def _ask_learner(self, member: Member) -> None:
        learning = self._plan.stage.learning
        if not self._loaded:
            checkpoint = self._run.checkpoints.load_latest(with_replay=False)
            member.send("load", None if checkpoint is None else checkpoint.learner_state)
        elif not self._published:
            member.send("work", 0.0, 0, returns=2)
        elif not self._checkpointer.busy and self._driver.checkpoint_due():
            member.send("state")
        elif learning is not None:
            seconds, updates = learning.seconds_per_publish, learning.updates_per_publish
            if self._turns is not None:
                updates = 1  # one batch: the next round waits for the weights that it gives
            member.send("work", seconds, updates, returns=2)

    def _ask_actor(self, member: Member) -> None:
        if self._turns is None:
            if self._weights is not None:
                member.send("act", self._weights, self._version)
            return
        turn = self._turns.next(self._actors.index(member))
        if turn is not None:
            member.send("collect", *turn)

    def _ask_evaluator(self, member: Member) -> None:
        if self._weights is not None and self._driver.evaluation_due():
            progress, episodes = self._driver.progress, self._plan.stage.evaluation.episodes
            member.send("evaluate", self._weights, episodes, progress.env_steps)

    # The start of each role ---------------------------------------------------------------------

    def _start_replay(self) -> Any:
        self._serving = self._published = False
        if self._turns is not None:
            self._turns.restart()
        port = int(self._address.rsplit(":", 1)[1]) if self._address else None
        arguments = (self._plan, self._replay_host, port, self._run.scratch())
        return _remote(ReplayServer, placement.replay(), *arguments)

    def _start_learner(self) -> Any:
        self._loaded = self._published = False
        if self._turns is not None:
            self._turns.restart()
        options = placement.learner(self._learner.restarts)
        return _remote(LearnerWorker, options, self._plan, self._address)

    def _start_evaluator(self) -> Any:
        return _remote(EvaluatorWorker, placement.EVALUATOR, self._plan)

    def _start_actor(self, index: int) -> Callable[[], Any]:
        def start() -> Any:
            steps = self._driver.progress.env_steps
            return _remote(ActorWorker, placement.ACTOR, self._plan, index, self._address, steps)

        return start


def _remote(worker: type, options: Mapping[str, Any], *arguments: Any) -> Any:
    return ray.remote(worker).options(**options).remote(*arguments)
