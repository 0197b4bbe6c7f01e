"""Families of tasks indexed by (dynamics i, goal j), and the sets of them that a run uses.

A `TaskFamily` is the whole grid of I dynamics x J goals; task (i, j) has index ``i * J + j``.
A `TaskSet` is some cells of it, such as those to train on or those held out.
A task keeps its index in the family in every set, so that train and test sets agree on embeddings.
A `GymnasiumTask` is a family of one: any environment of Gymnasium's, by its id.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium

Cell = tuple[int, int]

# Cells (dynamics, goal) held out of training on a 3x3 grid: DSE, figure 2 and table 3.
HELD_OUT: dict[str, tuple[Cell, ...]] = {
    "6-3": ((0, 0), (1, 1), (2, 2)),
    "4-5": ((0, 0), (0, 1), (1, 0), (1, 1), (2, 2)),
}


@dataclass(frozen=True)
class Variant:
    """One dynamics or one goal: its name and the arguments it gives to the environment."""

    name: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)


SAME = (Variant(""),)
"""The only variant along an axis that does not vary."""


@dataclass(frozen=True)
class TaskFamily:
    """Environment ``env_id`` for every pair of ``dynamics`` and ``goals``.

    ``kwargs`` go to every task. Raises ValueError if an axis is empty, or if two of the three
    sources give the same argument.
    """

    env_id: str
    dynamics: tuple[Variant, ...] = SAME
    goals: tuple[Variant, ...] = SAME
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.dynamics or not self.goals:
            raise ValueError(f"family {self.env_id} needs at least one dynamics and one goal")
        sources = [
            set(self.kwargs),
            set().union(*(v.kwargs for v in self.dynamics)),
            set().union(*(v.kwargs for v in self.goals)),
        ]
        if len(set().union(*sources)) < sum(map(len, sources)):
            raise ValueError(
                f"family {self.env_id} gives one argument twice, among its own {sources[0]}, "
                f"its dynamics' {sources[1]} and its goals' {sources[2]}"
            )

    @property
    def num_tasks(self) -> int:
        """The number of tasks, I * J."""
        return len(self.dynamics) * len(self.goals)

    def index(self, dynamics: int, goal: int) -> int:
        """Index of task (i, j). Raises IndexError if there is no such cell."""
        if not (0 <= dynamics < len(self.dynamics) and 0 <= goal < len(self.goals)):
            raise IndexError(
                f"family {self.env_id} has {len(self.dynamics)} dynamics and "
                f"{len(self.goals)} goals, no cell {(dynamics, goal)}"
            )
        return dynamics * len(self.goals) + goal

    def cell(self, task: int) -> Cell:
        """(dynamics, goal) of a task's index. Raises IndexError if there is no such task."""
        if not 0 <= task < self.num_tasks:
            raise IndexError(f"family {self.env_id} has tasks 0 to {self.num_tasks - 1}, no {task}")
        return divmod(task, len(self.goals))

    def name(self, task: int) -> str:
        """A readable name, such as ``skill/Reacher-v0[arm=33/67,goal=1]``."""
        i, j = self.cell(task)
        parts = [v.name for v in (self.dynamics[i], self.goals[j]) if v.name]
        return self.env_id + (f"[{','.join(parts)}]" if parts else "")

    def task_kwargs(self, task: int) -> dict[str, Any]:
        """The arguments of `gymnasium.make` for a task, besides the family's id."""
        i, j = self.cell(task)
        return {**self.kwargs, **self.dynamics[i].kwargs, **self.goals[j].kwargs}

    def all(self) -> TaskSet:
        """Every task of the family."""
        return TaskSet(self, tuple(range(self.num_tasks)))

    def only(self, cells: Iterable[Cell]) -> TaskSet:
        """The tasks at ``cells``."""
        return TaskSet(self, tuple(sorted(self.index(i, j) for i, j in cells)))

    def without(self, cells: Iterable[Cell]) -> TaskSet:
        """Every task but those at ``cells``."""
        out = {self.index(i, j) for i, j in cells}
        return TaskSet(self, tuple(t for t in range(self.num_tasks) if t not in out))


class Tasks:
    """The tasks of a run: some tasks of one ``family``, by their index in it."""

    family: TaskFamily
    tasks: tuple[int, ...]
    """Indices in increasing order, without repeats."""

    @property
    def num_tasks(self) -> int:
        """The number of tasks of the set (the family may have more)."""
        return len(self.tasks)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the set's tasks, in order."""
        return tuple(self.family.name(t) for t in self.tasks)

    def make(self, task: int, **kwargs: Any) -> gymnasium.Env:
        """The environment of ``task`` (its index in the family), ``kwargs`` overriding.

        Raises ValueError if the task is not in this set: held-out tasks stay held out.
        """
        self._require(task)
        chosen = {**self.family.task_kwargs(task), **kwargs}
        return gymnasium.make(self.family.env_id, disable_env_checker=True, **chosen)

    def make_batch(self, tasks: Sequence[int]) -> gymnasium.vector.VectorEnv | None:
        """Environments that step as arrays, one for each of ``tasks``; None without such a form.

        A task has such a form if it is registered with a ``vector_entry_point``, which takes a
        list, one value for each environment, for every argument that varies in the family, and the
        other arguments once. Raises ValueError if a task is not in this set.
        """
        for task in tasks:
            self._require(task)
        family = self.family
        if _registered(family.env_id).vector_entry_point is None:
            return None
        chosen = [family.task_kwargs(task) for task in tasks]
        varied = {name: [one[name] for one in chosen] for name in chosen[0].keys() - family.kwargs}
        return gymnasium.make_vec(
            family.env_id,
            num_envs=len(tasks),
            vectorization_mode="vector_entry_point",
            **family.kwargs,
            **varied,
        )

    def _require(self, task: int) -> None:
        if task not in self.tasks:
            raise ValueError(f"task {task} is not in this set, which has {self.tasks}")


@dataclass(frozen=True)
class TaskSet(Tasks):
    """Some tasks of a given family."""

    family: TaskFamily
    tasks: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.tasks or list(self.tasks) != sorted(set(self.tasks)):
            raise ValueError(f"a task set needs distinct tasks in order, not {self.tasks}")
        for task in self.tasks:
            self.family.cell(task)


@dataclass(frozen=True)
class GymnasiumTask(Tasks):
    """The one task of any environment that Gymnasium makes from ``env_id``."""

    env_id: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "family", TaskFamily(self.env_id))
        object.__setattr__(self, "tasks", (0,))

    def make_batch(self, tasks: Sequence[int]) -> None:
        """No environments as arrays: those of other packages follow their own rules.

        Gymnasium adds no time limit to them, and they may reset in the step that ends an episode.
        """


def _registered(env_id: str) -> gymnasium.envs.registration.EnvSpec:
    """The registration of ``ID``, or of ``MODULE:ID``, whose module is imported to register it."""
    module, _, name = env_id.rpartition(":")
    if module:
        importlib.import_module(module)
    return gymnasium.spec(name)


def single_task(env_id: str, **kwargs: Any) -> TaskSet:
    """The set of one task, index 0: ``env_id`` made with ``kwargs``."""
    return TaskFamily(env_id, kwargs=kwargs).all()


def held_out_split(family: TaskFamily, split: str) -> tuple[TaskSet, TaskSet]:
    """(train, test) sets of a 3x3 family for "6-3" (6 train, 3 test) or "4-5" (4 and 5).

    Raises ValueError for another split or another shape.
    """
    if split not in HELD_OUT:
        raise ValueError(f"there is no split {split!r}; splits are {sorted(HELD_OUT)}")
    if (len(family.dynamics), len(family.goals)) != (3, 3):
        raise ValueError(f"split {split} is of a 3x3 family, and {family.env_id} is not one")
    return family.without(HELD_OUT[split]), family.only(HELD_OUT[split])


def goal_split(
    env_id: str, argument: str, train: Iterable[Any], test: Iterable[Any], **kwargs: Any
) -> tuple[TaskSet, TaskSet]:
    """(train, test) sets of one family that differ in the value of ``argument`` alone.

    Training goals come first (MBML: 10 train and 8 test goals are tasks 0-9 and 10-17).
    """
    train, test = tuple(train), tuple(test)
    goals = tuple(Variant(f"{argument}={g}", {argument: g}) for g in train + test)
    family = TaskFamily(env_id, goals=goals, kwargs=kwargs)
    split = len(train)
    return TaskSet(family, tuple(range(split))), TaskSet(family, tuple(range(split, len(goals))))
