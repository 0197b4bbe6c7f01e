"""The hyperparameters of appendix G.2; those of G.1 are the defaults of `SVG0Config`.

Settings that G.2 leaves out, or gives for one body only, stay at the defaults. Two of its settings
have no field. "Distillation cost" (1.0, 0.1 and 0.01 for DISTRAL) is the weight of the default
policy's own loss, and Adam's step does not depend on a loss's scale. "Policy network for Gaussian
prior (200, 100)", ant and box, is read as the low level's, whose default it is; "for Gaussian
Transfer Prior (200, 4)" can only be the high level's, with a latent of 4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from skill_train.experiments.hierarchical_kl.baselines import baselines
from skill_train.experiments.hierarchical_kl.domains import Domain
from skill_train.skill_agents.hierarchical_kl.defaults import (
    DefaultConfig,
    SeparateLowLevel,
    SharedLowLevel,
)
from skill_train.skill_agents.hierarchical_kl.policies import HierarchicalPolicyConfig
from skill_train.skill_agents.hierarchical_kl.priors import (
    AR1Config,
    IsotropicConfig,
    LearnedARConfig,
)
from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0Config


@dataclass(frozen=True)
class Tuned:
    """The changes of G.2 for one agent on one task; None: as in G.1."""

    high: tuple[int, ...] | None = None
    """Hidden sizes of pi_H, then the size of the latent."""
    kl_cost: float | None = None
    """The paper's "posterior entropy cost"."""
    entropy_cost: float | None = None
    """The paper's "action entropy cost"."""
    actor_learning_rate: float | None = None

    def apply(self, agent: SVG0Config) -> SVG0Config:
        """The agent with these changes."""
        policy = agent.policy
        if self.high is not None:
            assert isinstance(policy, HierarchicalPolicyConfig)
            *hidden, latent = self.high
            policy = replace(policy, high_sizes=tuple(hidden), latent_size=latent)

        def chosen(mine: float | None, default: float) -> float:
            return default if mine is None else mine

        return replace(
            agent,
            policy=policy,
            kl_cost=chosen(self.kl_cost, agent.kl_cost),
            entropy_cost=chosen(self.entropy_cost, agent.entropy_cost),
            actor_learning_rate=chosen(self.actor_learning_rate, agent.actor_learning_rate),
        )


LATENT_OF_4 = Tuned(high=(200, 4))
DISTRALS = ("-distral", "-distral-2-columns", "-distral-shared-prior")

G2: dict[str, dict[str, Tuned]] = {
    "ant-move-box-easy": {  # "Ant: Move Box to Target"
        "": Tuned(kl_cost=1e-4, entropy_cost=0.0),  # "AR-1 Prior"
        "-separate": Tuned(kl_cost=1e-4, entropy_cost=0.0),  # its prior is AR-1 as well
        "-isotropic": Tuned(entropy_cost=0.0),
        **dict.fromkeys(("-ar-learned", "-svg0", *DISTRALS), Tuned(entropy_cost=1e-3)),
    },  # "Entropy bonus" 1e-3, for all agents without one of their own
    # "Ant: Go to 1 of 3 Targets"
    "ant-go-to-target": dict.fromkeys(DISTRALS, Tuned(entropy_cost=0.0)),
    "ball-move-box-hard": {"-ar-learned": LATENT_OF_4},  # "Ball: 2 Boxes to 2 Targets"
}
"""Changes by body and task, then by variant, of agents that learn from scratch."""

TASK_TRANSFER: dict[str, dict[str, Tuned]] = {
    "ant-move-box-mid": {  # "Ant: Move Box to 1 of 3 Targets", the "transfer priors"
        "-isotropic": LATENT_OF_4,
        "-ar-learned": Tuned(high=(200, 4), kl_cost=1e-2, entropy_cost=1e-4),
    },
    "ball-gather": {  # "Ball: Gather boxes", the "transfer priors"
        "-isotropic": LATENT_OF_4,
        "-ar-learned": LATENT_OF_4,
        "-distral": Tuned(actor_learning_rate=5e-4),
    },
}
"""Changes, in the same way, of agents that learn with a trained low level."""

BODY_TRANSFER: dict[str, Tuned] = {
    # "for all the body transfer tasks an action entropy cost of 1e-4 worked best"
    "ball-to-ant-go-to-target": Tuned(entropy_cost=1e-4),
    "ball-to-ant-move-box-easy": Tuned(entropy_cost=1e-4, kl_cost=1e-5),
    "ant-to-quadruped-go-to-target": Tuned(entropy_cost=1e-4),
    "ant-to-quadruped-move-box-easy": Tuned(entropy_cost=1e-5, kl_cost=1e-2),
    "ant-to-quadruped-go-to-target-vision": Tuned(entropy_cost=1e-4),
}
"""Changes of agents that learn under a trained high level, by body transfer."""

SCRATCH_OF_BODY_TRANSFER: dict[str, Tuned] = {
    "ball-to-ant-go-to-target": Tuned(high=(100, 4)),
    "ball-to-ant-move-box-easy": Tuned(high=(100, 4)),
    "ant-to-quadruped-go-to-target": Tuned(high=(20,)),  # no hidden layer
    "ant-to-quadruped-move-box-easy": Tuned(),
    "ant-to-quadruped-go-to-target-vision": Tuned(),
}
"""Changes of the agents from scratch that body transfer is compared with ("HL policy network")."""

TITLES = {
    "": "AR(1) prior",
    "-isotropic": "isotropic prior",
    "-ar-learned": "learned AR prior",
    "-separate": "AR(1) prior, low level with a default of its own",
    "-svg0": "flat SVG(0)",
    "-distral": "flat policy with the DISTRAL prior",
    "-distral-2-columns": "flat policy built on its DISTRAL prior",
    "-distral-shared-prior": "DISTRAL prior built on the flat policy",
}


def agents(domain: Domain, tuned: dict[str, Tuned] | None = None) -> dict[str, SVG0Config]:
    """The agents of the paper's figures for a task, by the variant's name."""
    agent = SVG0Config(
        policy=HierarchicalPolicyConfig(
            high_groups=domain.full_groups(), low_groups=domain.low_groups()
        ),
        critic_groups=domain.full_groups(),
    )
    ar1 = AR1Config(domain.correlation)
    defaults: dict[str, DefaultConfig] = {
        "": SharedLowLevel(ar1),
        "-isotropic": SharedLowLevel(IsotropicConfig()),
        "-ar-learned": SharedLowLevel(LearnedARConfig()),
        "-separate": SeparateLowLevel(ar1),
    }
    every = {name: replace(agent, default=default) for name, default in defaults.items()}
    every |= baselines(agent)
    return {name: (tuned or {}).get(name, Tuned()).apply(one) for name, one in every.items()}
