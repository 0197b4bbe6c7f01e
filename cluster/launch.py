"""From an experiment's name to a run, and from a run's directory back to it."""

from __future__ import annotations

import difflib
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from cluster import overrides
from cluster.build import Plan
from cluster.errors import RunError
from cluster.ray_token import offer_token
from cluster.run_dir import RunDir
from experiments.registry import EXPERIMENTS
from experiments.spec import Experiment, Stage
from replay import reverb_native
from replay.tables import max_bytes

REPLAY_SHARE = 0.6
"""Share of the machine's memory that full tables may take; the rest is for the processes."""


def find(name: str) -> Experiment:
    """The experiment of that name; raises RunError naming the closest one."""
    if name in EXPERIMENTS:
        return EXPERIMENTS[name]
    close = difflib.get_close_matches(name, EXPERIMENTS, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(EXPERIMENTS)}"
    raise RunError(f"there is no experiment {name!r}; {hint}")


def stage_for(name: str, changes: Sequence[str], tiny: bool) -> Stage:
    """An experiment's stage, shrunk if ``tiny``, with ``changes`` applied last."""
    experiment = find(name)
    stage = experiment.tiny(experiment.stage) if tiny else experiment.stage
    return overrides.apply(stage, changes)


def stage_of(run: RunDir) -> Stage:
    """The stage that a run was started with."""
    config = run.config
    return stage_for(config["experiment"], config["overrides"], config["tiny"])


def start(
    name: str,
    changes: Sequence[str],
    seed: int,
    path: Path | None,
    *,
    tiny: bool,
    inline: bool,
    address: str | None,
) -> tuple[RunDir, dict[str, Any]]:
    """Make a run and carry it out; returns its directory and final results.

    Everything that can be wrong with the settings raises RunError before the run exists.
    """
    stage = stage_for(name, changes, tiny)
    _can_run(inline)
    refuse_oversized_replay(plan_of(stage, seed))
    run = RunDir.create(path, name, changes, stage, seed, tiny=tiny, inline=inline)
    return run, _carry_out(run, stage, address)


def resume(run: RunDir, address: str | None) -> dict[str, Any]:
    """Go on with a run from its newest intact checkpoint, or from the start without one."""
    _can_run(run.config["inline"])
    return _carry_out(run, stage_of(run), address)


def plan_of(stage: Stage, seed: int) -> Plan:
    """The plan, tried out: raises RunError where environment or agent cannot be made of it."""
    import gymnasium

    try:
        plan = Plan.of(stage, seed)
        plan.agent("learner")
    except (ValueError, TypeError, gymnasium.error.Error) as error:
        raise RunError(f"these settings do not work: {' '.join(str(error).split())}") from error
    return plan


def refuse_oversized_replay(plan: Plan) -> None:
    """Raises RunError where full tables would not leave this machine enough memory to work."""
    agent = plan.agent("replay")
    row_bytes = plan.layout(agent).row_bytes
    wanted = max_bytes(agent.tables(), row_bytes, plan.stage.tasks.tasks)
    total = psutil.virtual_memory().total
    if wanted > REPLAY_SHARE * total:
        raise RunError(
            f"full replay tables would take {wanted / 1e9:.1f} GB of this machine's "
            f"{total / 1e9:.1f} GB; give the agent's tables fewer items "
            f"(rows are {row_bytes} bytes)"
        )


def _can_run(inline: bool) -> None:
    if not inline and not reverb_native.installed():
        raise RunError(
            "a distributed run needs Reverb, which has no release for Python "
            f"{platform.python_version()}; use Python 3.11, or add --inline to run in one process"
        )


def _carry_out(run: RunDir, stage: Stage, address: str | None) -> dict[str, Any]:
    config = run.config
    if config["inline"]:
        from cluster import inline

        return inline.run(stage, run, config["seed"])
    if address is not None:
        offer_token()
    from cluster import supervisor

    return supervisor.run(stage, run, config["seed"], address=address)
