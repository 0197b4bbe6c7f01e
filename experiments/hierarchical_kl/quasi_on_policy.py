"""Figure 9, a: the ant's go-to-target from a queue instead of replay (appendix D.1)."""

from __future__ import annotations

from dataclasses import replace

from skill_train.experiments.costs import of_steps_from_a_queue
from skill_train.experiments.hierarchical_kl.appendix_g import G2, TITLES, agents
from skill_train.experiments.hierarchical_kl.domains import DOMAINS
from skill_train.experiments.hierarchical_kl.preset import LEARNER_STEPS, experiment
from skill_train.experiments.spec import Experiment, Learning
from skill_train.skill_agents.hierarchical_kl.quasi_on_policy import quasi_on_policy
from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0Config

LEARNING = Learning(seconds_per_publish=0.2, updates_per_publish=1, inline_env_steps=1_280)
"""New weights for the actors after every update, which keep the data close to on-policy."""


def _from_a_queue(variant: str, agent: SVG0Config) -> Experiment:
    domain = DOMAINS["go-to-target"]
    tasks, queued = domain.tasks("ant"), quasi_on_policy(agent)
    one = experiment(
        f"ant-go-to-target{variant}-quasi-on-policy",
        f"ant, {domain.title}, each unroll learned from once: {TITLES[variant]}",
        "figure 9, a",
        queued,
        tasks,
    )
    return replace(
        one,
        stage=replace(one.stage, learning=LEARNING),
        cost=of_steps_from_a_queue(LEARNER_STEPS, queued.batch_size * queued.unroll_length, tasks),
    )


EXPERIMENTS = tuple(
    _from_a_queue(variant, agent)
    for variant, agent in agents(DOMAINS["go-to-target"], G2["ant-go-to-target"]).items()
    if variant in ("", "-svg0", "-distral")
)
