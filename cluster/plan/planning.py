"""Plans by the name of an experiment, or by a run's directory."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from skill_train.cluster.errors import RunError
from skill_train.cluster.plan import outside, overrides, ranges
from skill_train.cluster.plan.build import Plan, Source
from skill_train.cluster.store.run_dir import RunDir
from skill_train.experiments import registry
from skill_train.experiments.spec import Experiment, Stage


def find(name: str) -> Experiment:
    """The experiment called ``name``; raises RunError with the closest name if there is none."""
    if name in registry.EXPERIMENTS:
        return registry.EXPERIMENTS[name]
    known = registry.known()
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else "see: skill-train list"
    raise RunError(f"there is no experiment {name!r}; {hint}")


def stage_for(name: str, changes: Sequence[str], tiny: bool) -> Stage:
    """An experiment's stage, shrunk if ``tiny``, with ``changes`` applied last."""
    experiment = find(name)
    stage = experiment.tiny() if tiny else experiment.stage
    return overrides.apply(stage, changes)


def stage_of(run: RunDir) -> Stage:
    """The stage that a run was started with.

    Raises RunError where its record or its environments need modules that the user has not named:
    a run's files may come from anybody.
    """
    config = run.config
    outside.require(config.modules, run.path)
    stage = stage_for(config.experiment, config.overrides, config.tiny)
    for tasks in (stage.tasks, stage.evaluation_tasks):
        module, colon, _ = ("" if tasks is None else tasks.family.env_id).partition(":")
        if colon:
            outside.require([module], run.path)
    return stage


def plan_for(stage: Stage, seed: int, source: Source | None = None) -> Plan:
    """The plan of ``stage``; raises RunError where its environment or agent cannot be made."""
    import gymnasium

    unworkable = (
        ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, MemoryError,
        ImportError, gymnasium.error.Error,
    )  # fmt: skip
    ranges.check(stage)
    try:
        plan = Plan.of(stage, seed, source)
        _ = plan.schema, plan.agent("learner")
    except gymnasium.error.UnregisteredEnv as error:
        raise RunError(
            f"{_line(error)} If a module of yours registers it, add: --module MODULE"
        ) from error
    except unworkable as error:
        reason = _line(error)[:300] or type(error).__name__
        raise RunError(f"these settings do not work: {reason}") from error
    return plan


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())


def plan_of(run: RunDir) -> Plan:
    """The plan of a run; its source, if it has one, must be trained."""
    source = None if run.source is None else source_from(run.source)
    return plan_for(stage_of(run), run.config.seed, source)


def source_from(run: RunDir, rows: bool = False) -> Source:
    """The source for another run: a run's plan, and its agent as last saved.

    ``rows`` adds the rows that the run kept, and raises RunError where it has kept none.
    """
    checkpoint = run.checkpoints.load_latest(with_replay=rows)
    if checkpoint is None:
        raise RunError(f"{run.path} has no checkpoint yet, so nothing can start from it")
    if rows and checkpoint.replay is None:
        raise RunError(f"{run.path} has kept no rows with its last checkpoint ({checkpoint.path})")
    return Source(plan_of(run), checkpoint.learner_state["agent"], checkpoint.replay)


def untrained_source(experiment: Experiment, tiny: bool, seed: int) -> Source | None:
    """The source that the experiment before will give, untrained; None if there is none before.

    Making it shows whether the settings work before anything is trained.
    """
    if experiment.after is None:
        return None
    before = find(experiment.after)
    stage = stage_for(before.name, (), tiny)
    plan = plan_for(stage, seed, untrained_source(before, tiny, seed))
    return Source(plan, plan.agent("learner").state_dict())
