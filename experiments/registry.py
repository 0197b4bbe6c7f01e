"""Every experiment by name: this package's, those of installed packages, and the user's own.

A package registers experiments by entry points of the group `ENTRY_POINTS`, each of which names an
`Experiment` or several of them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

from skill_train.experiments.collect import experiments_of
from skill_train.experiments.spec import Experiment

log = logging.getLogger(__name__)

ENTRY_POINTS = "skill_train.experiments"

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in experiments_of(
        "skill_train.experiments",
        "hierarchical_kl",
        "dse",
        "vate",
        "sac",
    )
}
"""This package's experiments by name."""

_added: dict[str, Experiment] = {}


def known() -> dict[str, Experiment]:
    """All experiments by name. The first call imports packages that have registered some."""
    add_installed()
    return {**EXPERIMENTS, **_added}


def add(experiment: Experiment) -> None:
    """Add ``experiment`` to `known`; raises ValueError if another one has its name."""
    there = EXPERIMENTS.get(experiment.name) or _added.get(experiment.name)
    if there is not None and there is not experiment:
        raise ValueError(f"there is another experiment called {experiment.name}")
    if there is None:
        _added[experiment.name] = experiment


@cache
def add_installed() -> None:
    """Add the experiments that installed packages have registered; log those that fail."""
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            for experiment in _several(entry.load()):
                add(experiment)
        except (Exception, SystemExit) as error:  # an import may raise anything
            reason = " ".join(str(error).split())
            log.warning("experiments of %s are left out: %s", _package(entry), reason)


def installed_are_added() -> bool:
    """Whether this process has imported the packages that have registered experiments."""
    return add_installed.cache_info().currsize > 0


def experiments_in(module: ModuleType) -> list[Experiment]:
    """The experiments in a module's variables, lists and tuples, without this package's."""
    found = [
        one
        for value in vars(module).values()
        for one in (value if isinstance(value, list | tuple) else (value,))
        if isinstance(one, Experiment)
    ]
    ours = {id(one) for one in EXPERIMENTS.values()}
    return list({id(one): one for one in found if id(one) not in ours}.values())


def _several(value: Any) -> list[Experiment]:
    found = list(value) if isinstance(value, Iterable) else [value]
    for one in found:
        if not isinstance(one, Experiment):
            raise TypeError(f"{one!r} is not an Experiment")
    return found


def _package(entry: EntryPoint) -> str:
    return f"{entry.value} ({entry.dist.name})" if entry.dist is not None else entry.value
