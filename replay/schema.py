"""The schema of a run's replay: its tables, rows and tasks, and how a learner draws from them.

An agent's config states it from the environments' spec (`skill_agents.agent.AgentConfig.schema`),
without building a network, and every back end, reader, writer and check takes it whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from skill_train.replay.limiter import Limiter, table_limiter
from skill_train.replay.step import ArraySpec, RowLayout, Step
from skill_train.replay.tables import Draw, TableSpec, task_table


@dataclass(frozen=True)
class Schema:
    """Tables and draws over rows of one layout.

    Raises ValueError if there is no table, two share a name, or a draw is from none of them.
    """

    tables: tuple[TableSpec, ...]
    draws: Mapping[str, Draw]
    """The named parts of one batch."""
    row: Step[ArraySpec]
    tasks: tuple[int, ...] = (0,)
    """The run's tasks by their index in the family; a per-task table has one table for each."""

    def __post_init__(self) -> None:
        names = [table.name for table in self.tables]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"replay needs tables, each with its own name; got {names}")
        for name, draw in self.draws.items():
            if draw.table not in names:
                raise ValueError(
                    f"draw {name!r} is from table {draw.table!r}; the tables are {names}"
                )
            if draw.batch_size < 1:
                raise ValueError(f"draw {name!r}: batch_size must be at least 1")

    @cached_property
    def layout(self) -> RowLayout:
        """The packed form of a row."""
        return RowLayout(self.row)

    def table_of(self, draw: str) -> TableSpec:
        """The table that a draw is from. Raises ValueError for a name that is not in `draws`."""
        if draw not in self.draws:
            raise ValueError(f"no draw is named {draw!r}; there are {sorted(self.draws)}")
        return next(table for table in self.tables if table.name == self.draws[draw].table)

    def concrete(self, table: TableSpec) -> tuple[TableSpec, ...]:
        """The tables that a back end makes for ``table``: one, or one for each task, in order."""
        if not table.per_task:
            return (table,)
        return tuple(replace(table, name=task_table(table.name, task)) for task in self.tasks)

    def sources(self, draw: str) -> tuple[str, ...]:
        """Names of the concrete tables that a draw takes items from, in the order of the tasks."""
        return tuple(table.name for table in self.concrete(self.table_of(draw)))

    def limited(self, ahead: Callable[[int], int]) -> dict[str, tuple[TableSpec, Limiter]]:
        """Every concrete table by name, with its limiter.

        ``ahead(batch)`` is the number of items that a reader of batches of that size may hold
        before the learner gets them. Raises ValueError for a table that could never give its batch.
        """
        made: dict[str, tuple[TableSpec, Limiter]] = {}
        for spec in self.tables:
            drawn = [draw.batch_size for draw in self.draws.values() if draw.table == spec.name]
            limiter = table_limiter(spec, sum(drawn), ahead(sum(drawn)))
            made |= {table.name: (table, limiter) for table in self.concrete(spec)}
        return made

    @property
    def max_items(self) -> int:
        """Items that full tables hold, all together."""
        return sum(len(self.concrete(table)) * table.max_items for table in self.tables)

    @property
    def table_bytes(self) -> int:
        """Bytes of the rows of full tables, without a back end's own overhead."""
        return sum(self._bytes(table, table.max_items) for table in self.tables)

    @property
    def batch_bytes(self) -> int:
        """Bytes of one batch, all draws together."""
        drawn = self.draws.items()
        return sum(self._bytes(self.table_of(name), draw.batch_size) for name, draw in drawn)

    def _bytes(self, table: TableSpec, items: int) -> int:
        return len(self.concrete(table)) * items * (table.length + 1) * self.layout.row_bytes
