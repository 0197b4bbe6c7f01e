"""What manipulation tasks ask for: predicates over body, boxes and targets, drawn each episode.

Each row of the spec's table is one object in `RULES`. An episode succeeds when all the predicates
of its `Goal` hold at once; a task with two of them is the paper's "and".
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from skill_train.tasks.arena.egocentric import Place, Pose
from skill_train.tasks.arena.objects import BOX_MASS, HEAVY_BOX_MASS, Boxes, in_target


class Predicate(ABC):
    """A statement about the scene that is true or false after a control step."""

    @abstractmethod
    def holds(self, pose: Pose, targets: Sequence[Place], boxes: Boxes) -> bool:
        """Whether it is true with the body at ``pose``."""


@dataclass(frozen=True)
class BodyInTarget(Predicate):
    """The body's centre is in the region of ``target``."""

    target: int

    def holds(self, pose: Pose, targets: Sequence[Place], boxes: Boxes) -> bool:
        """Whether it is true with the body at ``pose``."""
        return in_target(pose, targets[self.target])


@dataclass(frozen=True)
class BoxOnTarget(Predicate):
    """The centre of ``box`` is over the region of ``target``."""

    box: int
    target: int

    def holds(self, pose: Pose, targets: Sequence[Place], boxes: Boxes) -> bool:
        """Whether it is true; the body does not matter."""
        return in_target(boxes.centre(self.box), targets[self.target])


@dataclass(frozen=True)
class BoxesTouch(Predicate):
    """Boxes ``first`` and ``second`` are in contact."""

    first: int
    second: int

    def holds(self, pose: Pose, targets: Sequence[Place], boxes: Boxes) -> bool:
        """Whether it is true; the body does not matter."""
        return boxes.touching(self.first, self.second)


@dataclass(frozen=True)
class Goal:
    """What one episode asks for."""

    predicates: tuple[Predicate, ...]
    target: int | None
    """The named target, if the task has targets: one-hot for state tasks, black for vision."""
    choice: tuple[float, ...] = ()
    """Whatever else the body must be told; `Rules.choice_size` numbers."""


@dataclass(frozen=True)
class Rules(ABC):
    """A manipulation task: how much there is to push and to reach, and what is asked for."""

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
        """One-hot of the named box, where there is more than one."""
        return self.boxes if self.boxes > 1 else 0

    def draw(self, rng: np.random.Generator) -> Goal:
        """One of the boxes and one of the targets."""
        box, target = int(rng.integers(self.boxes)), int(rng.integers(self.targets))
        choice = tuple(float(i == box) for i in range(self.choice_size))
        return Goal((BoxOnTarget(box, target),), target, choice)


class Gather(Rules):
    """Bring 2 boxes into contact."""

    def draw(self, rng: np.random.Generator) -> Goal:
        """Always the same."""
        return Goal((BoxesTouch(0, 1),), None)


class MoveBoxOrGoToTarget(Rules):
    """With probability 0.5 go to 1 of K targets, else move the box to 1 of them."""

    @property
    def choice_size(self) -> int:
        """One-hot of (go, move)."""
        return 2

    def draw(self, rng: np.random.Generator) -> Goal:
        """One of the sub-tasks and one of the targets."""
        go, target = bool(rng.integers(2)), int(rng.integers(self.targets))
        predicate = BodyInTarget(target) if go else BoxOnTarget(0, target)
        return Goal((predicate,), target, (float(go), float(not go)))


class MoveBoxAndGoToTarget(Rules):
    """Move the box to 1 of 2 targets, which is named, and be in the other one."""

    num_predicates = 2

    def draw(self, rng: np.random.Generator) -> Goal:
        """The box's target; the body's is the other one."""
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
