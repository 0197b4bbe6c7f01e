"""Sources of rows that a stage's own actors did not act."""

from __future__ import annotations

from dataclasses import dataclass

from skill_train.replay.filling import Relabel


@dataclass(frozen=True)
class FromRun:
    """The rows that the run before kept in its last checkpoint; needs `Experiment.after`."""

    relabel: Relabel | None = None
    """A function that relabels every episode for every task of the stage, with that task's rewards
    (`replay.filling`); None: an episode goes to its own task."""


@dataclass(frozen=True)
class FromDatasets:
    """The rows of Minari datasets.

    A single dataset has rows of any of the stage's tasks, which its episodes name; of several, each
    has the rows of one task, in the order of the stage's tasks.
    """

    names: tuple[str, ...]
    """Minari's names of the datasets: ``namespace/dataset-v0``."""
    relabel: Relabel | None = None
    """The same as `FromRun.relabel`."""


Data = FromRun | FromDatasets
