"""The specs of tables and draws, which both back ends share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TableSpec:
    """The spec of one table, whose items are windows of ``length + 1`` rows of one stream.

    The `windows`, `transitions`, `trials` and `queue` functions build the stock kinds.
    """

    name: str
    length: int
    """T: an item holds T + 1 rows, so a transition has T = 1."""
    stride: int
    """Rows between the starts of two neighbouring windows of a stream."""
    max_items: int
    min_items: int = 1
    """Items that the table must hold before the first draw."""
    samples_per_insert: float | None = None
    """Draws per item that the limiter allows on average; None: no limit either way."""
    use_once: bool = False
    """Whether the table is a first-in-first-out queue for on-policy learners: each item is drawn
    once, and a full table blocks the writer. Actors fill it in rounds of one batch
    (`actors.rounds`)."""
    whole_trial: bool = False
    """Whether an item is one whole episode (or trial), padded to ``length + 1`` rows."""
    per_task: bool = False
    """Whether there is a table for each of the run's tasks, named ``name/task`` by the task's index
    in its family; an item goes to the task of its first row."""

    @property
    def context_rows(self) -> int:
        """Rows at the start of a window that are also in the window before: not learned from."""
        return 0 if self.whole_trial else max(0, self.length - self.stride)

    def __post_init__(self) -> None:
        if self.length < 1 or self.stride < 1 or self.max_items < 1 or self.min_items < 1:
            raise ValueError(
                f"table {self.name!r}: length, stride, max_items and min_items must be at least 1"
            )
        if self.min_items > self.max_items:
            raise ValueError(
                f"table {self.name!r}: min_items {self.min_items} is above max_items "
                f"{self.max_items}, so nothing could ever be drawn"
            )
        if self.samples_per_insert is not None and self.samples_per_insert <= 0:
            raise ValueError(f"table {self.name!r}: samples_per_insert must be above 0 or None")
        if self.per_task and self.length > 1 and not self.whole_trial:
            raise ValueError(
                f"table {self.name!r}: a window may span two episodes and so two tasks; "
                "per_task needs transitions or whole trials"
            )


def windows(
    name: str,
    length: int,
    max_items: int,
    *,
    stride: int | None = None,
    min_items: int = 1,
    samples_per_insert: float | None = None,
) -> TableSpec:
    """Windows of ``length + 1`` rows that run on over episode ends, drawn uniformly."""
    return TableSpec(name, length, stride or length, max_items, min_items, samples_per_insert)


def transitions(
    name: str,
    max_items: int,
    *,
    min_items: int = 1,
    samples_per_insert: float | None = None,
    per_task: bool = False,
) -> TableSpec:
    """Pairs of neighbouring rows (T = 1) whose first row carries a real action."""
    return TableSpec(name, 1, 1, max_items, min_items, samples_per_insert, per_task=per_task)


def queue(name: str, length: int, max_items: int, *, stride: int | None = None) -> TableSpec:
    """Windows drawn once each, oldest first, for on-policy learners."""
    return TableSpec(name, length, stride or length, max_items, use_once=True)


def trials(
    name: str,
    max_length: int,
    max_items: int,
    *,
    min_items: int = 1,
    samples_per_insert: float | None = None,
    use_once: bool = False,
    per_task: bool = False,
) -> TableSpec:
    """Whole episodes or trials of up to ``max_length`` actions, padded (see `replay.step`)."""
    return TableSpec(
        name,
        max_length,
        max_length,
        max_items,
        min_items,
        samples_per_insert,
        use_once=use_once,
        whole_trial=True,
        per_task=per_task,
    )


@dataclass(frozen=True)
class Draw:
    """The draw of one named part of a learner's batch.

    Without tasks: ``batch_size`` items of ``table``, arrays ``[T+1, B, ...]``. From a per-task
    table: ``batch_size`` items of each of the run's N tasks in order, arrays ``[T+1, N, B, ...]``;
    held-out tasks are not among them.
    """

    table: str
    batch_size: int


def task_table(name: str, task: int) -> str:
    """The name of one task's table of the per-task table ``name``."""
    return f"{name}/{task}"
