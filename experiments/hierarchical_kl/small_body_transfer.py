"""Body transfer at the quickstart's sizes: the ball's high level drives the ant (figure 11)."""

from __future__ import annotations

from dataclasses import replace

from skill_train.experiments.hierarchical_kl.body_transfer import HIGH_LEVEL
from skill_train.experiments.hierarchical_kl.domains import DOMAINS
from skill_train.experiments.hierarchical_kl.small import SMALL_AGENT, small
from skill_train.skill_agents.hierarchical_kl.policies import HierarchicalPolicyConfig

GOING = DOMAINS["go-to-target"]
ENV_STEPS = 1_000_000
_FIGURE = "after figure 11, column 1"
_SOURCE = "ball-go-to-target-agnostic"

assert isinstance(SMALL_AGENT.policy, HierarchicalPolicyConfig)
AGNOSTIC = replace(SMALL_AGENT, policy=replace(SMALL_AGENT.policy, high_groups=GOING.task_groups))
"""The agent whose pi_H does not observe the body (section 7.2)."""

EXPERIMENTS = (
    small(
        _SOURCE,
        "a high level that sees nothing of the body",
        "ball",
        GOING,
        AGNOSTIC,
        ENV_STEPS,
        _FIGURE + ", the source",
    ),
    *(
        small(
            f"transfer-ball-to-ant-go-to-target{variant}",
            f"under the ball's high level, {what}",
            "ant",
            GOING,
            agent,
            ENV_STEPS,
            _FIGURE,
            after=f"hierarchical_kl/{_SOURCE}-small",
            transfer=HIGH_LEVEL,
        )
        for variant, what, agent in (
            ("", "KL reward", AGNOSTIC),
            ("-no-kl", "no KL reward", replace(AGNOSTIC, kl_cost=0.0)),
        )
    ),
    small(
        "transfer-ball-to-ant-go-to-target-from-scratch",
        "both levels from scratch",
        "ant",
        GOING,
        AGNOSTIC,
        ENV_STEPS,
        _FIGURE,
    ),
)
