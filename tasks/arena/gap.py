"""Locomotion over a gap (hierarchical KL, appendix E.2.1), for any body.

A corridor with one gap in the middle, of a new length each episode. Each step pays the speed
along the corridor; the episode ends at the corridor's end, in the gap, or upside down. The paper
gives neither the corridor's size nor a time limit: the width is dm_control's, the length ours, so
that half a metre a second is fast enough for 400 steps.

Differs from the paper, whose gap task is for the ant: the ball has a range of its own. It cannot
jump; straight ahead at full speed it rolls over 0.40 m and falls into 0.41 m. Over 0.35 m it may
be a tenth slower.
"""

from __future__ import annotations

import numpy as np

from skill_train.tasks.arena.bodies import make_body
from skill_train.tasks.arena.corridor import Gap, gap_corridor
from skill_train.tasks.arena.egocentric import Pose, seen_from
from skill_train.tasks.arena.task import CONTROL_STEP, EPISODE_STEPS, ArenaTask, Outcome

LENGTH = 12.0  # metres
WIDTH = 4.0  # metres, dm_control's corridors
GAP_LENGTHS = (0.3, 2.5)  # metres, the shortest and the longest, appendix E.2.1
GAP_LENGTHS_OF = {"ball": (0.1, 0.35)}  # metres, for bodies that cannot cross the paper's
START = 1.5  # metres of the body's centre from the corridor's near end
VELOCITY_REWARD = 1.0  # for each m/s in each step: "proportional to its velocity"
FALLEN_HEIGHT = -0.5  # metres of the body's centre, the authors' corridor task


class GapTask(ArenaTask):
    """Run along a corridor, which is the world's x axis, and jump over its gap.

    Observations (float32), besides those of `ArenaTask`:

    * ``task`` ``[5]``: the middles of the gap's near and far edge, each ahead (+) and to the left
      (+) of the body in metres, see `tasks.arena.egocentric`; then the gap's length. With
      ``vision`` there is none.
    """

    picture_size = (512, 128)

    def __init__(
        self,
        body: str = "ant",
        vision: bool = False,
        episode_steps: int = EPISODE_STEPS,
        control_step: float = CONTROL_STEP,
        render_mode: str | None = None,
    ) -> None:
        described = make_body(body)
        spec = gap_corridor(LENGTH, WIDTH)
        described.build(spec)
        super().__init__(
            spec,
            described,
            {} if vision else {"task": 5},
            vision=vision,
            episode_steps=episode_steps,
            control_step=control_step,
            render_mode=render_mode,
        )
        self._seconds = control_step
        self._gap = Gap(self._simulation.model, self._simulation.data, LENGTH)
        self._gap_lengths = GAP_LENGTHS_OF.get(body, GAP_LENGTHS)
        self._x = START

    def _arrange(self) -> None:
        self._gap.open(self.np_random.uniform(*self._gap_lengths))
        self._body.place(START, 0.0, 0.0)
        self._x = START

    def _outcome(self, pose: Pose) -> Outcome:
        velocity = (pose[0] - self._x) / self._seconds
        self._x = pose[0]
        success = pose[0] >= LENGTH
        fell = self._body.height() < FALLEN_HEIGHT
        return Outcome(VELOCITY_REWARD * velocity, success, failure=fell)

    def _seen(self, pose: Pose) -> dict[str, np.ndarray]:
        if self._vision:
            return {}
        edges = seen_from(pose, ((self._gap.near, 0.0), (self._gap.far, 0.0)))
        return {"task": np.array([*edges, self._gap.length], np.float32)}
