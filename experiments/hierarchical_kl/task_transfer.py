"""Task transfer (section 7.1): a trained low level serves another task, under a new high level.

pi0_H and pi0_L are kept. With a Shared LL, pi_L is pi0_L and is kept too; with a Separate LL, pi_L
starts as pi0_L and goes on learning. For DISTRAL the trained flat default policy is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from skill_train.experiments.hierarchical_kl.appendix_g import (
    G2,
    LATENT_OF_4,
    TASK_TRANSFER,
    TITLES,
    agents,
)
from skill_train.experiments.hierarchical_kl.domains import DOMAINS, Domain
from skill_train.experiments.hierarchical_kl.preset import experiment
from skill_train.experiments.spec import Experiment
from skill_train.skill_agents.transfer import Transfer

SHARED = Transfer(copy=("policy.low",), freeze=("policy.low",))
"""Transfer for priors without parameters; `SHARED_AND_PRIOR` keeps a learned prior as well."""

SHARED_AND_PRIOR = Transfer(
    copy=("policy.low", "default_policy.high", "target_default_policy.high"),
    freeze=("policy.low", "default_policy.high"),
)
SEPARATE = Transfer(
    copy=("policy.low",),
    copy_as={
        "default_policy.low.default": "policy.low",
        "target_default_policy.low.default": "policy.low",
    },
    freeze=("default_policy.low",),
)
"""Transfer from a Shared LL agent, whose pi_L is its pi0_L."""

DISTRAL = Transfer(
    copy=("default_policy.low", "target_default_policy.low"), freeze=("default_policy.low",)
)

KEPT = {
    "": SHARED,
    "-isotropic": SHARED,
    "-ar-learned": SHARED_AND_PRIOR,
    "-separate": SEPARATE,
    "-distral": DISTRAL,
}


@dataclass(frozen=True)
class Pair:
    """A body, the task its skills come from, and the task they are used in."""

    body: str
    before: str
    after: str
    figure: str
    variants: dict[str, str]
    """The compared agents by variant, each with the variant whose training comes before."""

    @property
    def name(self) -> str:
        """The name of the experiments, without the variant."""
        return f"transfer-{self.body}-{self.before}-to-{self.after}"


PAIRS = (
    Pair(
        "ant",
        "move-box-easy",
        "move-box-mid",
        "figure 5, left",
        {
            "": "",
            "-isotropic": "-isotropic-latent4",
            "-ar-learned": "-ar-learned-latent4",
            "-distral": "-distral",
        },
    ),
    Pair(
        "ball",
        "move-box-hard",
        "gather",
        "figure 5, right",
        {
            "": "",
            "-isotropic": "-isotropic-latent4",
            "-ar-learned": "-ar-learned",
            "-distral": "-distral",
        },
    ),
    Pair(
        "ant",
        "go-to-target",  # there "Locomotion (easy)", which the paper does not define
        "gap",
        "figure 6",
        {"": "", "-separate": "", "-distral": "-distral"},
    ),
    Pair(
        "ant",
        "box-or-target",
        "box-and-target",
        "figure 10",
        {"": "", "-distral": "-distral"},
    ),
)
SOURCES_OF_LATENT_4 = (
    ("ant-move-box-easy", "-isotropic"),
    ("ant-move-box-easy", "-ar-learned"),
    ("ball-move-box-hard", "-isotropic"),
)
"""Agents with a latent of 4, whose low levels are those of the transfers that have it in G.2."""


def _pair(pair: Pair) -> list[Experiment]:
    before, domain = DOMAINS[pair.before], DOMAINS[pair.after]
    compared = agents(domain, TASK_TRANSFER.get(f"{pair.body}-{pair.after}"))
    return [
        experiment(
            pair.name + variant,
            f"{pair.body}, {domain.title}, with the skills of '{before.title}': {TITLES[variant]}",
            pair.figure,
            compared[variant],
            domain.tasks(pair.body),
            after=f"{pair.body}-{pair.before}{source}",
            transfer=KEPT[variant],
        )
        for variant, source in pair.variants.items()
    ]


def _latent_4(name: str, variant: str) -> Experiment:
    body, _, domain_name = name.partition("-")
    domain = DOMAINS[domain_name]
    return experiment(
        f"{name}{variant}-latent4",
        f"{body}, {domain.title}: {TITLES[variant]}, latent of 4",
        "figure 5, a source",
        LATENT_OF_4.apply(agents(domain, G2.get(name))[variant]),
        domain.tasks(body),
    )


def _information(domain: Domain) -> Domain:
    """The domain with a low level that does not see the box (table 1, "(I)")."""
    return replace(domain, low=())


def _figure_10() -> list[Experiment]:
    """Ablations of the box in the low level's observation, and of the KL in the objective."""
    before, after = DOMAINS["box-or-target"], DOMAINS["box-and-target"]
    name = "transfer-ant-box-or-target-to-box-and-target"
    seeing = agents(after)[""]
    unseeing = agents(_information(after))[""]
    source = "ant-box-or-target-proprioception"
    compared = {
        "-no-kl": (replace(seeing, kl_cost=0.0), "ant-box-or-target", "no KL in the objective"),
        "-proprioception": (unseeing, source, "the low level does not see the box"),
        "-proprioception-no-kl": (
            replace(unseeing, kl_cost=0.0),
            source,
            "the low level does not see the box, no KL in the objective",
        ),
    }
    return [
        experiment(
            source,
            f"ant, {before.title}: the low level does not see the box",
            "figure 10, the source",
            agents(_information(before))[""],
            before.tasks("ant"),
        ),
        *(
            experiment(
                name + variant,
                f"ant, {after.title}, with the skills of '{before.title}': {title}",
                "figure 10",
                agent,
                after.tasks("ant"),
                after=comes_after,
                transfer=SHARED,
            )
            for variant, (agent, comes_after, title) in compared.items()
        ),
    ]


EXPERIMENTS = (
    *(_latent_4(*source) for source in SOURCES_OF_LATENT_4),
    *(one for pair in PAIRS for one in _pair(pair)),
    *_figure_10(),
)
