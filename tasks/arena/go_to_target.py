"""Go to 1 of 3 targets (hierarchical KL, appendix E.2.1), for any body.

Body and targets stand at random places of a walled square; one target is named. The episode ends
with reward 60 at the control step at which the body's centre is in the named target's region.
"""

from __future__ import annotations

import math

import numpy as np

from skill_train.tasks.arena.bodies import make_body
from skill_train.tasks.arena.egocentric import Place, Pose, seen_from
from skill_train.tasks.arena.objects import TARGET_HALF_SIZE, Targets, add_targets, in_target
from skill_train.tasks.arena.palette import target_colours
from skill_train.tasks.arena.rooms import square_room
from skill_train.tasks.arena.task import CONTROL_STEP, EPISODE_STEPS, ArenaTask, Outcome

ARENA_SIZE = 8.0  # metres, appendix E.2.1
NUM_TARGETS = 3  # appendix E.2.1
SUCCESS_REWARD = 60.0  # appendix E.2.1
ROOM_TO_SPARE = 1.5  # floor for centres per area of regions; with less, drawing places is slow


class GoToTarget(ArenaTask):
    """Drive a body to the named one of several targets in a walled square room.

    Observations (float32), besides those of `ArenaTask`:

    * ``task`` ``[3 * num_targets]``: each target's place ahead (+) and to the left (+) of the
      body, in metres, in the plane of the floor and relative to its heading; then the one-hot of
      the named target. It has the same meaning for every body. With ``vision`` there is none:
      the named target is the black one.
    """

    def __init__(
        self,
        body: str = "ball",
        arena_size: float = ARENA_SIZE,
        num_targets: int = NUM_TARGETS,
        episode_steps: int = EPISODE_STEPS,
        control_step: float = CONTROL_STEP,
        render_mode: str | None = None,
        vision: bool = False,
    ) -> None:
        if num_targets < 1:
            raise ValueError(f"num_targets must be at least 1, not {num_targets}")
        described = make_body(body)
        # Regions lie wholly inside the walls, and so does the body.
        self._half_range = arena_size / 2 - max(TARGET_HALF_SIZE, described.radius)
        regions = (num_targets + 1) * (2 * TARGET_HALF_SIZE) ** 2
        if self._half_range <= 0 or (2 * self._half_range) ** 2 < ROOM_TO_SPARE * regions:
            raise ValueError(
                f"an arena of {arena_size} m is too small for a {body} and {num_targets} targets"
            )
        spec = square_room(arena_size)
        described.build(spec)
        add_targets(spec, num_targets)
        groups = {} if vision else {"task": 3 * num_targets}
        super().__init__(
            spec,
            described,
            groups,
            vision=vision,
            episode_steps=episode_steps,
            control_step=control_step,
            render_mode=render_mode,
        )
        self._num_targets = num_targets
        self._squares = Targets(self._simulation.model, num_targets)
        self._named = 0
        self._one_hot: list[float] = []

    @property
    def _targets(self) -> list[Place]:
        return self._squares.places

    def _arrange(self) -> None:
        places = self._draw_places()
        self._named = int(self.np_random.integers(self._num_targets))
        self._one_hot = [float(i == self._named) for i in range(self._num_targets)]
        yaw = self.np_random.uniform(-math.pi, math.pi)
        self._body.place(float(places[0, 0]), float(places[0, 1]), yaw)
        colours = target_colours(self._num_targets, self._named, self._vision)
        self._squares.arrange(places[1:], colours)

    def _draw_places(self) -> np.ndarray:
        """Body and targets, ``[1 + num_targets, 2]``: uniform, no two regions overlapping."""
        while True:
            places = self.np_random.uniform(
                -self._half_range, self._half_range, (1 + self._num_targets, 2)
            )
            apart = np.abs(places[:, None] - places[None]).max(axis=-1)
            np.fill_diagonal(apart, np.inf)
            if apart.min() > 2 * TARGET_HALF_SIZE:
                return places

    def _outcome(self, pose: Pose) -> Outcome:
        success = in_target(pose, self._targets[self._named])
        return Outcome(SUCCESS_REWARD if success else 0.0, success)

    def _seen(self, pose: Pose) -> dict[str, np.ndarray]:
        if self._vision:
            return {}
        return {"task": np.array(seen_from(pose, self._targets) + self._one_hot, np.float32)}
