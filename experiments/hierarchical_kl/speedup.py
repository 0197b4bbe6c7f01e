"""From scratch: every task with every body, and all agents where figures 3 and 9 compare them."""

from __future__ import annotations

from dataclasses import replace

from experiments.hierarchical_kl.appendix_g import G2, TITLES, agents
from experiments.hierarchical_kl.domains import BODIES, DOMAINS
from experiments.hierarchical_kl.preset import PAPER_ACTORS, experiment
from experiments.spec import Experiment

SINGLE_ACTOR = replace(PAPER_ACTORS, count=1, environments=1)
FIGURES = {
    "ant-go-to-target": "figure 3, left",
    "ant-move-box-easy": "figure 3, centre",
    "ball-move-box-hard": "figure 3, right",
    "ball-go-to-target": "figure 3, left (there with the ant)",
}
"""Where all agents are compared; elsewhere there is one hierarchical agent."""

BASELINES_OF_TRANSFER = {
    "ant-move-box-mid": "figure 5, left, from scratch",
    "ball-gather": "figure 5, right, from scratch",
    "ant-gap": "figure 6, from scratch",
    "ant-box-or-target": "figure 10, the source",
    "ant-box-and-target": "figure 10, from scratch",
}
SOURCES = (("ant-box-or-target", "-distral"), ("ball-move-box-easy", "-distral"))
"""Further agents that a transfer comes after."""


def _from_scratch(body: str, domain_name: str) -> list[Experiment]:
    name, domain = f"{body}-{domain_name}", DOMAINS[domain_name]
    return [
        experiment(
            name + variant,
            f"{body}, {domain.title}: {TITLES[variant]}",
            FIGURES.get(name) or BASELINES_OF_TRANSFER.get(name, ""),
            agent,
            domain.tasks(body),
        )
        for variant, agent in agents(domain, G2.get(name)).items()
        if variant == "" or name in FIGURES or (name, variant) in SOURCES
    ]


def _single_actor() -> list[Experiment]:
    """Appendix D.1: off-policy, from one actor's data."""
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
    *(one for body in BODIES for domain in DOMAINS for one in _from_scratch(body, domain)),
    *_single_actor(),
)
