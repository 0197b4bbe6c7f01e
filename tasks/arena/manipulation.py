"""Manipulation (hierarchical KL, appendix E.2.1): push boxes, reach targets, for any body.

The paper's area is "3x3". In its authors' released tasks that is 3x3 cells of 2 m, a room of 6 m:
boxes and targets are cubes and squares of 1 m, so 3 m would leave no floor to push them over.
As there, body, boxes and targets start in distinct cells: targets at the cell's centre, boxes
turned and shifted at random, bodies as well.

Differs from the paper: a box is seen by all 8 corners, as in the authors' code (the text says 6).
Where a box is named among two, its one-hot is seen too, without which the goal would be hidden.
"And": the text says to push the box to a target and "then" to go to another; as in the authors'
code, the order is free, so that standing on the other target first pays 10 too. The sub-tasks pay
10 each the first time they hold, and the 50 come when both hold at once; the authors' code also
takes 10 away whenever one is lost.
"""

from __future__ import annotations

import math

import numpy as np

from skill_train.tasks.arena.bodies import make_body
from skill_train.tasks.arena.egocentric import Pose, points_seen_from, seen_from
from skill_train.tasks.arena.objects import BOX_REACH, Boxes, Targets, add_boxes, add_targets
from skill_train.tasks.arena.palette import target_colours
from skill_train.tasks.arena.predicates import RULES, Goal
from skill_train.tasks.arena.rooms import square_room
from skill_train.tasks.arena.task import CONTROL_STEP, EPISODE_STEPS, ArenaTask, Outcome

CELL = 2.0  # metres, the authors' released tasks
CELLS_ACROSS = 3  # appendix E.2.1
PREDICATE_REWARD = 10.0  # the authors' released tasks; appendix E.2.1, "and"
SUCCESS_REWARD = 50.0  # on top of it, so that a task of one predicate pays 60
APART = 0.02  # metres at least between body and boxes, and from one box to another, at the start
# Metres from a box's centre to a wall at the start, ours: the ball fits behind it, however turned.
BOX_TO_WALL = BOX_REACH + 0.43
CORNERS = 8


class Manipulation(ArenaTask):
    """Make the predicates of a task in `tasks.arena.predicates.RULES` hold, in a room of 3x3 cells.

    Observations (float32), besides those of `ArenaTask`; places are metres ahead (+) and to the
    left (+) of the body, see `tasks.arena.egocentric`, and mean the same for every body:

    * ``task``: the place of each target (2 each); the one-hot of the named target; what else is
      asked for (the named box's one-hot if there are two boxes, the one-hot of go and move for
      "or"); for "and", 1.0 for each of its sub-tasks that has been paid. With ``vision`` places
      and one-hot of targets are left out: the named target is the black one;
    * ``objects`` ``[24 * boxes]``: each box's 8 corners, ahead, left and above the floor.

    Reward 10 for each predicate when it first holds and 50 when all hold at once, which ends the
    episode: 60 for all tasks but "and", which pays up to 70.
    """

    def __init__(
        self,
        task: str,
        body: str = "ball",
        vision: bool = False,
        episode_steps: int = EPISODE_STEPS,
        control_step: float = CONTROL_STEP,
        render_mode: str | None = None,
    ) -> None:
        if task not in RULES:
            raise ValueError(f"there is no manipulation task {task!r}; tasks are {sorted(RULES)}")
        rules = RULES[task]
        described = make_body(body)
        spec = square_room(CELL * CELLS_ACROSS)
        described.build(spec)
        add_targets(spec, rules.targets)
        add_boxes(spec, rules.boxes, rules.box_mass)
        flags = rules.num_predicates if rules.num_predicates > 1 else 0
        coordinates = 0 if vision else 3 * rules.targets
        super().__init__(
            spec,
            described,
            {
                "task": coordinates + rules.choice_size + flags,
                "objects": 3 * CORNERS * rules.boxes,
            },
            vision=vision,
            episode_steps=episode_steps,
            control_step=control_step,
            render_mode=render_mode,
        )
        self._rules = rules
        self._radius = described.radius
        self._targets = Targets(self._simulation.model, rules.targets)
        self._boxes = Boxes(self._simulation.model, self._simulation.data, rules.boxes)
        self._has_task = "task" in self.observation_space.spaces
        self._goal = Goal((), None)
        self._one_hots: list[float] = []
        self._paid: list[bool] = []

    def _arrange(self) -> None:
        goal = self._rules.draw(self.np_random)
        body, boxes, targets = self._draw_places()
        yaw = self.np_random.uniform(-math.pi, math.pi, 1 + len(boxes)).tolist()
        self._body.place(body[0], body[1], yaw[0])
        for i, (x, y) in enumerate(boxes):
            self._boxes.place(i, x, y, yaw[1 + i])
        colours = target_colours(len(targets), goal.target, self._vision)
        self._targets.arrange(targets, colours)
        self._goal = goal
        self._paid = [False] * len(goal.predicates)
        one_hot = [float(i == goal.target) for i in range(len(targets))]
        self._one_hots = ([] if self._vision else one_hot) + list(goal.choice)

    def _draw_places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Centres of the body ``[2]``, the boxes ``[N, 2]`` and the targets ``[K, 2]``."""
        rules = self._rules
        wall = CELL * CELLS_ACROSS / 2
        cells = self.np_random.permutation(CELLS_ACROSS**2)[: 1 + rules.boxes + rules.targets]
        middles = CELL * (np.stack(divmod(cells, CELLS_ACROSS), axis=-1) - (CELLS_ACROSS - 1) / 2)
        movers = middles[: 1 + rules.boxes]  # the body, then the boxes
        # Nothing leaves its cell, so that boxes are clear of each other and of all targets.
        reach = np.array([self._radius] + [BOX_REACH + APART / 2] * rules.boxes)[:, None]
        room = np.maximum(CELL / 2 - reach, 0.0)
        to_wall = np.array([self._radius] + [BOX_TO_WALL] * rules.boxes)[:, None]
        low = np.maximum(movers - room, to_wall - wall)
        high = np.minimum(movers + room, wall - to_wall)
        while True:  # until long legs are clear of boxes in cells beside them
            places = self.np_random.uniform(low, high)
            gaps = np.hypot(*(places[1:] - places[0]).T) - self._radius - BOX_REACH
            if (gaps > APART).all():
                return places[0], places[1:], middles[1 + rules.boxes :]

    def _outcome(self, pose: Pose) -> Outcome:
        targets, boxes, reward = self._targets.places, self._boxes, 0.0
        hold = [predicate.holds(pose, targets, boxes) for predicate in self._goal.predicates]
        for i, holds in enumerate(hold):
            if holds and not self._paid[i]:
                self._paid[i] = True
                reward += PREDICATE_REWARD
        if all(hold):
            return Outcome(reward + SUCCESS_REWARD, success=True)
        return Outcome(reward, success=False)

    def _seen(self, pose: Pose) -> dict[str, np.ndarray]:
        corners = points_seen_from(pose, self._boxes.corners())
        seen = {"objects": corners.astype(np.float32).ravel()}
        if self._has_task:
            places = [] if self._vision else seen_from(pose, self._targets.places)
            paid = self._paid if len(self._paid) > 1 else []
            seen["task"] = np.array([*places, *self._one_hots, *paid], np.float32)
        return seen
