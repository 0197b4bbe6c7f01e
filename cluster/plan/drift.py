"""The check that a run's settings are the same as when it began.

A run is made from its experiment's name and overrides, so code that has changed since may give it
other settings; ``config.json`` has recorded them all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from skill_train.cluster.errors import RunError
from skill_train.cluster.store.run_dir import CONFIG, RunDir, plain
from skill_train.experiments.spec import Stage

NAMED = 5
"""Fields named in one sentence, at most."""
ABSENT = object()


def refuse(run: RunDir, stage: Stage) -> None:
    """Raise RunError, naming fields, where ``stage`` differs from the one that the run recorded."""
    then = run.config.resolved
    if then is None:
        return
    changes = list(_changes("", then, json.loads(json.dumps(plain(stage)))))
    if changes:
        more = f" and {len(changes) - NAMED} more" if len(changes) > NAMED else ""
        raise RunError(
            f"{run.path} began with settings that this version of the code does not give it: "
            f"{', '.join(changes[:NAMED])}{more}; resume it with the code that it began with "
            f'(environment.json names the commit), or remove "resolved" from its {CONFIG} to go '
            "on with the new ones"
        )


def _changes(name: str, then: Any, now: Any) -> Iterator[str]:
    """Each field that differs, as ``agent.gamma (0.9, now 0.99)``."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*then, *now]):
            inner = f"{name}.{key}" if name else key
            yield from _changes(inner, then.get(key, ABSENT), now.get(key, ABSENT))
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for i, (before, after) in enumerate(zip(then, now, strict=True)):
            yield from _changes(f"{name}[{i}]", before, after)
    elif then != now:
        yield f"{name} ({_shown(then)}, now {_shown(now)})"


def _shown(value: Any) -> str:
    return "absent" if value is ABSENT else str(value)[:40]
