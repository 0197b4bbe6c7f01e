"""The experiments of several modules as one list: a module is listed by its name, on one line."""

from __future__ import annotations

from importlib import import_module

from skill_train.experiments.spec import Experiment


def experiments_of(package: str, *modules: str) -> tuple[Experiment, ...]:
    """The `EXPERIMENTS` of these modules of ``package``, one after the other."""
    found = (import_module(f"{package}.{module}") for module in modules)
    return tuple(experiment for module in found for experiment in module.EXPERIMENTS)
