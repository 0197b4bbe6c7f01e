"""The paper's tasks for any body (appendix E.2.1), and the observations of each level in them."""

from __future__ import annotations

from dataclasses import dataclass

from skill_train.tasks.families import TaskSet, single_task

BOXES = "objects/50"  # corners of boxes through the box encoder of appendix G.1
PIXELS = "pixels/256"  # the residual network and embedding of appendix G.2, figure 7


@dataclass(frozen=True)
class Domain:
    """A task for any body, with its observation groups besides ``proprioception``."""

    name: str
    """The task in the names of experiments."""
    title: str
    env: str
    """The middle of ``skill/ENV-BODY-v0``."""
    task_groups: tuple[str, ...]
    """Groups of the observation that the high level sees."""
    low: tuple[str, ...] = ()
    """Groups that the low level sees (table 1)."""
    correlation: float = 0.9
    """Correlation of the AR(1) prior. Appendix G.2: 0.9 where the ant moves boxes, 0.95 where it
    goes to a target; the paper gives none for other tasks and bodies."""

    def tasks(self, body: str, vision: bool = False) -> TaskSet:
        """The task with a body."""
        seen = "-Vision" if vision else ""
        return single_task(f"skill/{self.env}-{body.capitalize()}{seen}-v0")

    def full_groups(self) -> tuple[str, ...]:
        """All observation groups, for pi_H, critics and flat policies."""
        return ("proprioception", *self.task_groups)

    def low_groups(self) -> tuple[str, ...]:
        """The observation groups of pi_L and flat default policies."""
        return ("proprioception", *self.low)


DOMAINS: dict[str, Domain] = {
    domain.name: domain
    for domain in (
        Domain("go-to-target", "go to 1 of 3 targets", "GoToTarget", ("task",), correlation=0.95),
        Domain("gap", "jump over a gap", "Gap", ("task",), correlation=0.95),
        Domain(
            "move-box-easy", "move a box to a target", "MoveBoxEasy", (BOXES, "task"), low=(BOXES,)
        ),
        Domain(
            "move-box-mid",
            "move a box to 1 of 3 targets",
            "MoveBoxMid",
            (BOXES, "task"),
            low=(BOXES,),
        ),
        # Appendix G.2, "Ball: 2 boxes to 2 targets": box encoder (100, 20), here for every body
        # and for gathering, which takes this low level over. Differs from the paper: in table 1
        # the low level sees the targets too, but gathering has none.
        Domain(
            "move-box-hard",
            "move 1 of 2 boxes to 1 of 2 targets",
            "MoveBoxHard",
            ("objects/100/20", "task"),
            low=("objects/100/20",),
        ),
        Domain(
            "gather",
            "bring 2 boxes together",
            "Gather",
            ("objects/100/20",),
            low=("objects/100/20",),
        ),
        Domain(
            "box-or-target",
            "move a box or go to a target",
            "MoveBoxOrGoToTarget",
            (BOXES, "task"),
            low=(BOXES,),  # table 1, "(II)"
        ),
        Domain(
            "box-and-target",
            "move a box, then go to a target",
            "MoveBoxAndGoToTarget",
            (BOXES, "task"),
            low=(BOXES,),
        ),
    )
}
