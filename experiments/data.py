"""Where a stage's rows come from that its own actors did not act."""

from __future__ import annotations

from dataclasses import dataclass

from skill_train.replay.filling import Relabel


@dataclass(frozen=True)
class FromRun:
    """The rows that the run before it kept in its last checkpoint; needs `Experiment.after`."""

    relabel: Relabel | None = None
    """Gives every episode to every task of the stage, with that task's rewards (`replay.filling`);
    None: to its own."""


@dataclass(frozen=True)
class FromDatasets:
    """Minari datasets.

    One holds the rows of any of the stage's tasks, which its episodes name; of several, each holds
    those of one task, in the order of the stage's tasks.
    """

    names: tuple[str, ...]
    """As Minari has them: ``namespace/dataset-v0``."""
    relabel: Relabel | None = None
    """As in `FromRun`."""


Data = FromRun | FromDatasets
