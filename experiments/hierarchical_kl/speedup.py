"""Training from scratch: figures 3 and 9, and the sources and references of transfers."""

from __future__ import annotations

from dataclasses import replace

from skill_train.experiments.hierarchical_kl.appendix_g import G2, TITLES, agents
from skill_train.experiments.hierarchical_kl.domains import DOMAINS
from skill_train.experiments.hierarchical_kl.preset import PAPER_ACTORS, experiment
from skill_train.experiments.spec import Experiment

SINGLE_ACTOR = replace(PAPER_ACTORS, count=1, environments=1)
ALL = tuple(TITLES)
ONE = ("",)

FIGURES: dict[str, tuple[str, tuple[str, ...]]] = {
    "ball-go-to-target": ("figure 3, left (there with the ant)", ONE),
    "ball-move-box-hard": ("figure 3, right", ALL),
    "ball-gather": ("figure 5, right, from scratch", ONE),
    "ant-go-to-target": ("figure 3, left", ALL),
    "ant-gap": ("figure 6, from scratch", ONE),
    "ant-move-box-easy": ("figure 3, centre", ALL),
    "ant-move-box-mid": ("figure 5, left, from scratch", ONE),
    "ant-box-or-target": ("figure 10, the source", ("", "-distral")),
    "ant-box-and-target": ("figure 10, from scratch", ONE),
}
"""The paper's figure, and the agents needed for it, by body and task."""


def _from_scratch(name: str, figure: str, variants: tuple[str, ...]) -> list[Experiment]:
    body, _, domain_name = name.partition("-")
    domain = DOMAINS[domain_name]
    every = agents(domain, G2.get(name))
    return [
        experiment(
            name + variant,
            f"{body}, {domain.title}: {TITLES[variant]}",
            figure,
            every[variant],
            domain.tasks(body),
        )
        for variant in variants
    ]


def _single_actor() -> list[Experiment]:
    """Off-policy learning from one actor's data (appendix D.1)."""
    domain = DOMAINS["go-to-target"]
    compared = agents(domain, G2["ant-go-to-target"])
    return [
        experiment(
            f"ant-go-to-target{variant}-single-actor",
            f"ant, {domain.title}, data of a single actor: {TITLES[variant]}",
            "figure 9, b",
            compared[variant],
            domain.tasks("ant"),
            actors=SINGLE_ACTOR,
        )
        for variant in ("", "-svg0", "-distral")
    ]


EXPERIMENTS = (
    *(one for name, shown in FIGURES.items() for one in _from_scratch(name, *shown)),
    *_single_actor(),
)
