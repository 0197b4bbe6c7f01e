"""Learning and task transfer of the paper at the quickstart's sizes."""

from __future__ import annotations

from skill_train.experiments.hierarchical_kl.domains import DOMAINS
from skill_train.experiments.hierarchical_kl.small import box_agents, small, small_agent
from skill_train.experiments.hierarchical_kl.task_transfer import KEPT
from skill_train.experiments.spec import Experiment


def _ball_boxes() -> list[Experiment]:
    """Transfer from easy to mid, as in figure 5: skills of moving one box to one target."""
    easy, mid = DOMAINS["move-box-easy"], DOMAINS["move-box-mid"]
    before, after = box_agents(easy), box_agents(mid)
    steps, figure = 1_500_000, "after figure 5, left"
    known = "with the skills of moving it to the only one"
    return [
        small("ball-move-box-easy", "from scratch", "ball", easy, before[""], steps, figure),
        small(
            "ball-move-box-easy-distral", "DISTRAL", "ball", easy, before["-distral"], steps, figure
        ),
        small("ball-move-box-mid", "from scratch", "ball", mid, after[""], steps, figure),
        *(
            small(
                f"transfer-ball-move-box-easy-to-move-box-mid{variant}",
                what,
                "ball",
                mid,
                after[variant],
                steps,
                figure,
                after=f"hierarchical_kl/ball-move-box-easy{variant}-small",
                transfer=KEPT[variant],
            )
            for variant, what in (("", known), ("-distral", f"DISTRAL, {known}"))
        ),
    ]


def _ant_gap() -> Experiment:
    """Learning of the gap, whose reward for every step forward shows learning early."""
    gap = DOMAINS["gap"]
    return small("ant-gap", "from scratch", "ant", gap, small_agent(gap), 500_000, "after figure 6")


EXPERIMENTS = (*_ball_boxes(), _ant_gap())
