"""Starting a run, going on with one, and the runs that have to come before it."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skill_train.cluster.errors import RunError
from skill_train.cluster.over_ray.ray_token import offer_token
from skill_train.cluster.plan import admission, drift, planning
from skill_train.cluster.plan.build import Plan
from skill_train.cluster.store.run_dir import SOURCE, RunDir
from skill_train.replay import reverb_native


def start(
    name: str,
    changes: Sequence[str],
    seed: int,
    path: Path | None,
    *,
    tiny: bool,
    inline: bool,
    address: str | None,
    source: RunDir | None = None,
) -> tuple[RunDir, dict[str, Any]]:
    """Make a run and carry it out; returns its directory and final results.

    An experiment that comes after another starts from ``source``, or trains that other one first,
    as published, in the run's own ``source/``. Everything that can be wrong with the settings
    raises RunError before the run exists.
    """
    experiment = planning.find(name)
    stage = planning.stage_for(name, changes, tiny)
    _can_run(inline, address)
    if source is None:
        before = planning.untrained_source(experiment, tiny, seed)
    elif experiment.after is None:
        raise RunError(f"{name} does not start from another run; leave out --from")
    else:
        before = planning.source_from(source)
    plan = planning.plan_for(stage, seed, before)
    admission.check(plan, inline, address)
    run = RunDir.create(path, name, changes, stage, seed, tiny=tiny, inline=inline)
    if source is not None:
        run.adopt(source)
    elif experiment.after is not None:
        _create_sources(run)
        return run, _carry_out(run, address)
    return run, _train(run, plan, address)


def resume(run: RunDir, address: str | None) -> dict[str, Any]:
    """Go on with a run from its newest intact checkpoint, or from the start without one.

    Raises RunError where it is a copy that another run starts from, or where the code gives it
    other settings than it began with.
    """
    copied = run.config.adopted_from
    if copied is not None:
        raise RunError(
            f"{run.path} is a copy that the run around it starts from, so it is not trained; "
            f"resume {run.path.parent}, or what it was copied from: {copied}"
        )
    _can_run(run.config.inline, address)
    return _carry_out(run, address)


def _can_run(inline: bool, address: str | None) -> None:
    if inline and address is not None:
        raise RunError(
            "an inline run stays in its own process and joins no cluster, so leave out --address"
        )
    if not inline and not reverb_native.installed():
        raise RunError(
            "a distributed run needs Reverb, which has no release for Python "
            f"{platform.python_version()}; use Python 3.11, or add --inline to run in one process"
        )


def _create_sources(run: RunDir) -> None:
    """The directories of the runs that come before, the nearest one outermost."""
    config = run.config
    before = planning.find(config.experiment).after
    if before is None:
        return
    tiny, inline = config.tiny, config.inline
    stage = planning.stage_for(before, (), tiny)
    source = RunDir.create(
        run.path / SOURCE, before, (), stage, config.seed, tiny=tiny, inline=inline
    )
    _create_sources(source)


def _carry_out(run: RunDir, address: str | None) -> dict[str, Any]:
    """Train what comes before, if that is not done, and then the run itself."""
    config = run.config
    source = run.source
    if source is None and planning.find(config.experiment).after is not None:
        raise RunError(f"{run.path} has lost {run.path / SOURCE}, the run that it starts from")
    if source is not None and not source.adopted and source.read_status().state != "finished":
        results = _carry_out(source, address)
        if source.read_status().state != "finished":
            return results
    stage = planning.stage_of(run)
    drift.refuse(run, stage)
    before = None if source is None else planning.source_from(source)
    plan = planning.plan_for(stage, config.seed, before)
    admission.check(plan, config.inline, address)
    return _train(run, plan, address)


def _train(run: RunDir, plan: Plan, address: str | None) -> dict[str, Any]:
    """The run itself, in this process or over Ray."""
    if run.config.inline:
        from skill_train.cluster.loop import inline

        return inline.run(plan, run)
    if address is not None:
        offer_token()
    from skill_train.cluster.over_ray import supervisor

    return supervisor.run(plan, run, address)
