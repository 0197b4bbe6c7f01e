"""Start and resumption of a run, and of the runs that have to come before it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from skill_train.cluster.errors import RunError
from skill_train.cluster.over_ray.ray_token import offer_token
from skill_train.cluster.plan import admission, drift, outside, planning
from skill_train.cluster.plan.build import Plan
from skill_train.cluster.store.run_dir import SOURCE, RunDir, all_runs
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
    say: Callable[[str], None] = print,
) -> tuple[RunDir, dict[str, Any]]:
    """Make a run and carry it out; returns its directory and final results.

    An experiment that comes after another starts from ``source``. Without ``source`` it starts from
    a finished run below ``runs/`` of that other experiment, of this seed and without overrides, and
    says which; without such a run it trains one first, in the run's own ``source/``. Settings that
    do not work raise RunError before the run exists.
    """
    experiment = planning.find(name)
    stage = planning.stage_for(name, changes, tiny)
    _can_run(inline or stage.actors is None, address)
    after = experiment.after if stage.needs_source else None
    if source is not None and after is None:
        raise RunError(f"{name} does not start from another run; leave out --from")
    if source is None and after is not None:
        source = _finished(after, seed, tiny)
        if source is not None:
            say(f"starting from {source.path}, a finished run of {after}")
    if source is None:
        before = None if after is None else planning.untrained_source(experiment, tiny, seed)
    else:
        before = planning.source_from(source, stage.needs_rows)
    plan = planning.plan_for(stage, seed, before)
    admission.check(plan, inline, address)
    run = RunDir.create(
        path, name, changes, stage, seed, tiny=tiny, inline=inline, modules=outside.named()
    )
    if source is not None:
        run.adopt(source, with_replay=stage.needs_rows)
    elif after is not None:
        _create_sources(run)
    else:
        return run, _train(run, plan, address)
    return run, _carry_out(run, address)


def resume(run: RunDir, address: str | None) -> dict[str, Any]:
    """Resume a run from its newest intact checkpoint, or from the start without one.

    Raises RunError where the run is a copy that another run starts from, or where the code gives it
    other settings than it began with.
    """
    copied = run.config.adopted_from
    if copied is not None:
        raise RunError(
            f"{run.path} is a copy that the run around it starts from, so it is not trained; "
            f"resume {run.path.parent}, or what it was copied from: {copied}"
        )
    alone = run.config.inline or planning.stage_of(run).actors is None
    _can_run(alone, address)
    return _carry_out(run, address)


def _finished(name: str, seed: int, tiny: bool) -> RunDir | None:
    """The newest finished run of an experiment with its present settings, also in a later run."""
    for run in _with_sources(reversed(all_runs())):
        try:
            config = run.config
            asked = (config.experiment, config.seed, config.tiny, config.overrides)
            if asked != (name, seed, tiny, ()) or run.adopted:
                continue
            if run.read_status().state == "finished" and run.checkpoints.paths():
                drift.refuse(run, planning.stage_of(run))
                return run
        except RunError:  # damaged, or begun with other settings
            continue
    return None


def _with_sources(runs: Iterable[RunDir]) -> Iterator[RunDir]:
    for run in runs:
        one: RunDir | None = run
        while one is not None:
            yield one
            one = one.source


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
    """Make the directories of the runs that come before, the nearest one outermost."""
    config = run.config
    before = planning.find(config.experiment).after
    if before is None:
        return
    tiny, inline = config.tiny, config.inline
    stage = planning.stage_for(before, (), tiny)
    source = RunDir.create(
        run.path / SOURCE,
        before,
        (),
        stage,
        config.seed,
        tiny=tiny,
        inline=inline,
        modules=config.modules,
    )
    _create_sources(source)


def _carry_out(run: RunDir, address: str | None) -> dict[str, Any]:
    """Train the runs that come before, where they are not finished, and then the run itself."""
    config = run.config
    source, stage = run.source, planning.stage_of(run)
    if source is None and stage.needs_source:
        raise RunError(f"{run.path} has lost {run.path / SOURCE}, the run that it starts from")
    if source is not None and not source.adopted and source.read_status().state != "finished":
        results = _carry_out(source, address)
        if source.read_status().state != "finished":
            return results
    drift.refuse(run, stage)
    before = None if source is None else planning.source_from(source, stage.needs_rows)
    plan = planning.plan_for(stage, config.seed, before)
    admission.check(plan, config.inline, address)
    return _train(run, plan, address)


def _train(run: RunDir, plan: Plan, address: str | None) -> dict[str, Any]:
    """Train the run over Ray, or in this process where it is inline or has no actors."""
    if run.config.inline or plan.stage.actors is None:
        from skill_train.cluster.loop import inline

        return inline.run(plan, run)
    if address is not None:
        offer_token()
    from skill_train.cluster.over_ray import supervisor

    return supervisor.run(plan, run, address)
