"""Body transfer (section 7.2): a trained high level drives a new body, which learns to follow it.

pi_H and pi0_H do not observe the body and are kept; pi_L and the critic are learned. The KL reward
is the objective's own -alpha KL (eq. 10): with pi_H and pi0_H kept it is a fixed function of the
body's path, and a kl_cost of 0 is learning without it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from skill_train.experiments.hierarchical_kl.appendix_g import (
    BODY_TRANSFER,
    G2,
    SCRATCH_OF_BODY_TRANSFER,
    Tuned,
)
from skill_train.experiments.hierarchical_kl.domains import DOMAINS, PIXELS
from skill_train.experiments.hierarchical_kl.preset import experiment
from skill_train.experiments.spec import Experiment
from skill_train.skill_agents.hierarchical_kl.defaults import SharedLowLevel
from skill_train.skill_agents.hierarchical_kl.policies import HierarchicalPolicyConfig
from skill_train.skill_agents.hierarchical_kl.priors import AR1Config
from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0Config
from skill_train.skill_agents.transfer import Transfer

HIGH_LEVEL = Transfer(copy=("policy.high",), freeze=("policy.high",))
"""The kept high level; the AR(1) prior of figures 7 and 11 has no parameters to keep."""


@dataclass(frozen=True)
class Pair:
    """Two bodies and the task that the first has learned."""

    before: str
    after: str
    domain: str
    figure: str
    vision: bool = False

    @property
    def task(self) -> str:
        """The task's name, with "vision" where pixels are observed."""
        return self.domain + ("-vision" if self.vision else "")

    @property
    def name(self) -> str:
        """The name of the transfer, as in `BODY_TRANSFER`."""
        return f"{self.before}-to-{self.after}-{self.task}"

    @property
    def source(self) -> str:
        """The name of the experiment that trains the high level."""
        return f"{self.before}-{self.task}-agnostic"


PAIRS = (
    Pair("ball", "ant", "go-to-target", "figure 11, column 1"),
    Pair("ball", "ant", "move-box-easy", "figure 11, column 2"),
    Pair("ant", "quadruped", "go-to-target", "figure 11, column 3"),
    Pair("ant", "quadruped", "move-box-easy", "figure 11, column 4"),
    Pair("ant", "quadruped", "go-to-target", "figure 7", vision=True),
)


def agnostic(pair: Pair, tuned: Tuned) -> SVG0Config:
    """The agent whose low level sees proprioception only, its high level the rest (E.2.3)."""
    domain = DOMAINS[pair.domain]
    seen = (PIXELS,) if pair.vision else domain.task_groups
    agent = SVG0Config(
        policy=HierarchicalPolicyConfig(high_groups=seen, low_groups=("proprioception",)),
        default=SharedLowLevel(AR1Config(domain.correlation)),
        critic_groups=("proprioception", *seen),
    )
    return tuned.apply(agent)


def _pair(pair: Pair) -> list[Experiment]:
    domain = DOMAINS[pair.domain]
    tasks = domain.tasks(pair.after, pair.vision)
    agent = agnostic(pair, BODY_TRANSFER[pair.name])
    what = domain.title + (", from vision" if pair.vision else "")
    moved = [
        experiment(
            f"transfer-{pair.name}{variant}",
            f"{pair.after}, {what}, under the {pair.before}'s high level: {title}",
            pair.figure,
            one,
            tasks,
            after=pair.source,
            transfer=HIGH_LEVEL,
        )
        for variant, title, one in (
            ("", "KL reward", agent),
            ("-no-kl", "no KL reward", replace(agent, kl_cost=0.0)),
        )
    ]
    source = experiment(
        pair.source,
        f"{pair.before}, {what}: a high level that sees nothing of the body",
        f"{pair.figure}, the source",
        agnostic(pair, G2.get(f"{pair.before}-{pair.domain}", {}).get("", Tuned())),
        domain.tasks(pair.before, pair.vision),
    )
    scratch = experiment(
        f"transfer-{pair.name}-from-scratch",
        f"{pair.after}, {what}: both levels from scratch",
        pair.figure,
        agnostic(pair, SCRATCH_OF_BODY_TRANSFER[pair.name]),
        tasks,
    )
    return [source, *moved, scratch]


EXPERIMENTS = tuple(one for pair in PAIRS for one in _pair(pair))
