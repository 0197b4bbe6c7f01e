"""The high-level priors and the flat baselines that every figure compares."""

from __future__ import annotations

from dataclasses import fields, replace

from skill_train.skill_agents.hierarchical_kl.defaults import (
    DefaultConfig,
    FlatDefault,
    NoDefault,
    SharedLowLevel,
)
from skill_train.skill_agents.hierarchical_kl.distral import (
    BranchDefault,
    ColumnDefault,
    TwoColumnPolicyConfig,
)
from skill_train.skill_agents.hierarchical_kl.evaluated import TargetCopyConfig
from skill_train.skill_agents.hierarchical_kl.policies import (
    FlatPolicyConfig,
    HierarchicalPolicyConfig,
)
from skill_train.skill_agents.hierarchical_kl.priors import (
    AR1Config,
    IsotropicConfig,
    LearnedARConfig,
)
from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0Config

PRIORS: dict[str, DefaultConfig] = {
    "": SharedLowLevel(AR1Config(correlation=0.95)),  # Appendix G.2, go to 1 of 3 targets
    "-isotropic": SharedLowLevel(IsotropicConfig()),
    "-ar-learned": SharedLowLevel(LearnedARConfig()),
}


def baselines(agent: SVG0Config) -> dict[str, SVG0Config]:
    """The flat agents that the paper compares with, with ``agent``'s sizes and action head."""
    hierarchical = agent.policy
    assert isinstance(hierarchical, HierarchicalPolicyConfig)
    flat = FlatPolicyConfig(
        action_head=hierarchical.action_head,
        groups=hierarchical.high_groups,
        default_groups=hierarchical.low_groups,
        sizes=hierarchical.low_sizes,
        default_sizes=hierarchical.low_sizes,
    )
    columns = TwoColumnPolicyConfig(**{f.name: getattr(flat, f.name) for f in fields(flat)})
    svg0 = replace(agent, policy=flat, default=NoDefault(), noise_correlation=0.0)
    distral = replace(
        svg0,
        default=FlatDefault(),
        evaluated=TargetCopyConfig(),  # Appendix G.1, "DISTRAL policy target network"
        kl_cost=1e-2,  # Appendix G.1, "posterior entropy cost for DISTRAL"
        default_learning_rate=5.0 * agent.actor_learning_rate,  # Appendix G.1: 5e-4 to 1e-4
    )
    return {
        "-svg0": svg0,
        "-distral": distral,
        "-distral-2-columns": replace(distral, policy=columns, default=ColumnDefault()),
        "-distral-shared-prior": replace(distral, default=BranchDefault()),
    }
