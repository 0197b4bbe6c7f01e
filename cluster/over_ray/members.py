"""The processes of a run on the supervisor's side: one call under way in each, and restarts."""

from __future__ import annotations

import logging
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import ray
from ray.exceptions import ObjectLostError, RayActorError, RayError, RayTaskError

from skill_train.cluster.errors import RunError
from skill_train.cluster.over_ray.logs import Logs
from skill_train.cluster.over_ray.patience import HUNG_SECONDS
from skill_train.cluster.over_ray.workers import Whereabouts

log = logging.getLogger(__name__)

MAX_BACKOFF_SECONDS = 30.0
RESTARTS_IN_A_ROW = 8
"""Deaths in a row, each within a minute of the start, that end the run as broken for good."""
HEALTHY_SECONDS = 60.0
CAUSE_LENGTH = 300
"""Characters kept of Ray's message about a death; its advice comes after them."""


@dataclass
class Call:
    """A method call under way."""

    method: str
    refs: list[Any]
    """One object reference for each value that the method returns."""
    since: float = field(default_factory=time.monotonic)


class Answer(NamedTuple):
    """The results of a call."""

    method: str
    value: Any
    """The first value, fetched."""
    rest: list[Any]
    """References to the other values."""


class Member:
    """One component, started here, sent one call at a time, and restarted when it dies."""

    def __init__(self, role: str, name: str, start: Callable[[], Any], logs: Logs) -> None:
        """``start`` makes the Ray actor and returns its handle without waiting."""
        self.role, self.name = role, name
        self.where: Whereabouts | None = None
        """The component's process; None until it has answered."""
        self.restarts = 0
        self.call: Call | None = None
        self.handle: Any = None
        self._start, self._logs = start, logs
        self._early_deaths = 0
        self._started_at = 0.0
        self._start_after = 0.0

    @property
    def alive(self) -> bool:
        """Whether the component has answered and has not died since."""
        return self.where is not None

    def begin(self) -> bool:
        """Start the process if it is down and a restart is due; True if a call may be sent."""
        if self.handle is None:
            if time.monotonic() < self._start_after:
                return False
            self.handle = self._start()
            self._started_at = time.monotonic()
            self.send("whereabouts")
        return self.call is None

    def send(self, method: str, *arguments: Any, returns: int = 1) -> None:
        """Call ``method``; `answer` has its results."""
        bound = getattr(self.handle, method).options(num_returns=returns)
        refs = bound.remote(*arguments)
        self.call = Call(method, refs if returns > 1 else [refs])

    def answer(self) -> Answer | None:
        """The results of the finished call, or None if the process died during it.

        Raises RunError where the component itself raised: its message is one sentence already.
        """
        assert self.call is not None
        call, self.call = self.call, None
        try:
            value, *rest = ray.get(call.refs)
        except ObjectLostError as error:
            why = textwrap.shorten(str(error), CAUSE_LENGTH)
            log.warning("%s: the answer to %s was lost (%s)", self.name, call.method, why)
            return None
        except RayTaskError as error:
            self._logs.add(self.name, f"{error}\n")
            raise RunError(f"{self.name} failed: {error.cause}") from error
        except RayActorError as error:
            self._logs.add(self.name, f"{error}\n")
            cause = str(error).strip().splitlines()[-1]
            if error.actor_init_failed:
                raise RunError(f"{self.name} could not start: {cause}") from error
            self._died(textwrap.shorten(cause, CAUSE_LENGTH))
            return None
        except RayError as error:  # Ray's memory monitor and a lost node have errors of their own
            self._died(textwrap.shorten(str(error), CAUSE_LENGTH))
            return None
        if call.method == "whereabouts":
            self.where = value
        return Answer(call.method, value, rest)

    def give_up_if_hung(self, seconds: float = HUNG_SECONDS) -> None:
        """Kill the process if its call has been under way for more than ``seconds``."""
        if self.call is not None and time.monotonic() - self.call.since > seconds:
            self._died(f"{self.call.method} took more than {seconds:.0f} s")

    def describe(self) -> dict[str, Any]:
        """The component as ``status --json`` lists it; ``pid`` is None while it starts."""
        return {
            "role": self.role,
            "name": self.name,
            "pid": self.where.pid if self.where else None,
            "address": self.where.host if self.where else None,
            "restarts": self.restarts,
        }

    def kill(self) -> None:
        """End the process now."""
        if self.handle is not None:
            ray.kill(self.handle)

    def _died(self, why: str) -> None:
        self._logs.died(self.name, self.where, why)
        self.kill()  # the process may only be out of reach, and must not work beside its successor
        lived = time.monotonic() - self._started_at
        self._early_deaths = 0 if lived > HEALTHY_SECONDS else self._early_deaths + 1
        if self._early_deaths >= RESTARTS_IN_A_ROW:
            raise RunError(
                f"{self.name} died {self._early_deaths} times in a row, each within "
                f"{HEALTHY_SECONDS:.0f} s of its start; the last time: {why}"
            )
        self.restarts += 1
        backoff = min(MAX_BACKOFF_SECONDS, 0.5 * 2.0 ** (self._early_deaths - 1))
        log.warning("%s died (%s); it starts again in %.1f s", self.name, why, backoff)
        self._start_after = time.monotonic() + backoff
        self.handle, self.where, self.call = None, None, None


def answered(members: list[Member], timeout_s: float) -> list[Member]:
    """The members whose call is finished, waiting at most ``timeout_s`` for the first."""
    waiting = {member.call.refs[0]: member for member in members if member.call is not None}
    if not waiting:
        time.sleep(timeout_s)
        return []
    ready, _ = ray.wait(list(waiting), num_returns=1, timeout=timeout_s)
    if ready and len(waiting) > 1:
        ready, _ = ray.wait(list(waiting), num_returns=len(waiting), timeout=0)
    return [waiting[ref] for ref in ready]
