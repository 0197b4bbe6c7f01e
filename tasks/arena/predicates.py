"""Goals of manipulation tasks: predicates over body, boxes and targets, drawn each episode.

Each task is one object in `RULES`. An episode succeeds when all the predicates of its `Goal` hold
at once; a task with two of them is the paper's "and".
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from typing_extensions import override

from skill_train.tasks.arena.egocentric import Place, Pose
from skill_train.tasks.arena.objects import BOX_MASS, HEAVY_BOX_MASS, Boxes, in_target


class Predicate(ABC):
    """A statement about the scene that is true or false after a control step."""

    @abstractmethod
    def holds(self, pose: Pose, targets: Sequence[Place], boxes: Boxes) -> bool:
        """Whether the predicate is true with the body at ``pose``."""


@dataclass(frozen=True)
class BodyInTarget(Predicate):
    """The body's centre is in the region of ``target``."""

    target: int

    @override
    def holds(self, pose: Pose, targets: Sequence[Place], boxes: Boxes) -> bool:
        return in_target(pose, targets[self.target])


@dataclass(frozen=True)
class BoxOnTarget(Predicate):
    """The centre of ``box`` is over the region of ``target``."""

    box: int
    target: int

    @override
    def holds(self, pose: Pose, targets: Sequence[Place], boxes: Boxes) -> bool:
        return in_target(boxes.centre(self.box), targets[self.target])


@dataclass(frozen=True)
class BoxesTouch(Predicate):
    """Boxes ``first`` and ``second`` are in contact."""

    first: int
    second: int

    @override
    def holds(self, pose: Pose, targets: Sequence[Place], boxes: Boxes) -> bool:
        return boxes.touching(self.first, self.second)


@dataclass(frozen=True)
class Goal:
    """The goal of one episode: predicates, and observations that name it."""

    predicates: tuple[Predicate, ...]
    target: int | None
    """The named target, if the task has targets: one-hot for state tasks, black for vision."""
    choice: tuple[float, ...] = ()
    """Further observations that name the goal, `Rules.choice_size` numbers."""


@dataclass(frozen=True)
class Rules(ABC):
    """A manipulation task: its boxes and targets, and the draw of its goals."""

    boxes: int
    targets: int
    box_mass: float = BOX_MASS
    num_predicates: ClassVar[int] = 1

    @property
    def choice_size(self) -> int:
        """Length of `Goal.choice`."""
        return 0

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> Goal:
        """The goal of a new episode."""


class MoveBox(Rules):
    """Move 1 of N boxes to 1 of K targets."""

    @property
    def choice_size(self) -> int:
        """Length of the one-hot of the named box, 0 where there is only one."""
        return self.boxes if self.boxes > 1 else 0

    @override
    def draw(self, rng: np.random.Generator) -> Goal:
        box, target = int(rng.integers(self.boxes)), int(rng.integers(self.targets))
        choice = tuple(float(i == box) for i in range(self.choice_size))
        return Goal((BoxOnTarget(box, target),), target, choice)


class Gather(Rules):
    """Bring 2 boxes into contact."""

    @override
    def draw(self, rng: np.random.Generator) -> Goal:
        return Goal((BoxesTouch(0, 1),), None)


class MoveBoxOrGoToTarget(Rules):
    """With probability 0.5 go to 1 of K targets, else move the box to 1 of them."""

    @property
    def choice_size(self) -> int:
        """Length of the one-hot of (go, move)."""
        return 2

    @override
    def draw(self, rng: np.random.Generator) -> Goal:
        go, target = bool(rng.integers(2)), int(rng.integers(self.targets))
        predicate = BodyInTarget(target) if go else BoxOnTarget(0, target)
        return Goal((predicate,), target, (float(go), float(not go)))


class MoveBoxAndGoToTarget(Rules):
    """Move the box to the named one of 2 targets, and go to the other one."""

    num_predicates = 2

    @override
    def draw(self, rng: np.random.Generator) -> Goal:
        target = int(rng.integers(2))
        return Goal((BoxOnTarget(0, target), BodyInTarget(1 - target)), target)


RULES: dict[str, Rules] = {
    "MoveBoxEasy": MoveBox(boxes=1, targets=1),
    "MoveBoxMid": MoveBox(boxes=1, targets=3),
    "MoveBoxHard": MoveBox(boxes=2, targets=2),
    "MoveBoxHeavy": MoveBox(boxes=1, targets=1, box_mass=HEAVY_BOX_MASS),
    "Gather": Gather(boxes=2, targets=0),
    "MoveBoxOrGoToTarget": MoveBoxOrGoToTarget(boxes=1, targets=2),
    "MoveBoxAndGoToTarget": MoveBoxAndGoToTarget(boxes=1, targets=2),
}
