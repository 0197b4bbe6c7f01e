"""Default policies with latent variables that the policy does not have (figure 8, appendix A).

A humanoid learns to walk in a named direction with each kind of default policy, which sees no
direction ("we let the prior marginalize over task condition"); learns it again with the trained one
kept; and learns to go to a target with it. "Latent space" is the other use: pi0(a | s, y) becomes
the low level, and a new high level draws its latents. The paper gives no sizes or costs of these
runs: those of the flat baselines are used.
"""

from __future__ import annotations

from dataclasses import replace

from skill_train.experiments.hierarchical_kl.appendix_g import agents
from skill_train.experiments.hierarchical_kl.domains import Domain
from skill_train.experiments.hierarchical_kl.preset import experiment
from skill_train.experiments.spec import Experiment
from skill_train.skill_agents.hierarchical_kl.defaults import SharedLowLevel
from skill_train.skill_agents.hierarchical_kl.latent_prior import LatentVariableDefault
from skill_train.skill_agents.hierarchical_kl.policies import HierarchicalPolicyConfig
from skill_train.skill_agents.hierarchical_kl.priors import LearnedARConfig
from skill_train.skill_agents.hierarchical_kl.recurrent_prior import RecurrentDefault
from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0Config
from skill_train.skill_agents.transfer import Transfer

WALKING = Domain("walking", "walk in a named direction", "Walking", ("task",))
GO_TO_TARGET = Domain("go-to-target", "go to a target", "GoToTarget", ("task",))
TITLES = {
    "": "no default policy",
    "-mlp-prior": "feed-forward default policy",
    "-lstm-prior": "LSTM default policy",
    "-latent-prior": "default policy with latent variables",
}
LATENTS = LatentVariableDefault()

PRIOR_KEPT = Transfer(
    copy=("default_policy.low", "target_default_policy.low"), freeze=("default_policy.low",)
)
LATENT_SPACE_KEPT = Transfer(
    copy=(),
    copy_as={
        "policy.low": "default_policy.low.default",
        "default_policy.high.prior": "default_policy.low.prior",
        "target_default_policy.high.prior": "default_policy.low.prior",
    },
    freeze=("policy.low", "default_policy.high"),
)


def priors(domain: Domain) -> dict[str, SVG0Config]:
    """Flat agents by the kind of default policy."""
    every = agents(domain)
    distral = every["-distral"]
    return {
        "": every["-svg0"],
        "-mlp-prior": distral,
        "-lstm-prior": replace(distral, default=RecurrentDefault()),
        "-latent-prior": replace(distral, default=LATENTS),
    }


def latent_space(domain: Domain) -> SVG0Config:
    """The hierarchical agent whose low level can be the default policy's pi0(a | s, y)."""
    agent = agents(domain)["-ar-learned"]
    assert isinstance(agent.policy, HierarchicalPolicyConfig)
    policy = replace(agent.policy, latent_size=LATENTS.latent_size)
    return replace(agent, policy=policy, default=SharedLowLevel(LearnedARConfig()))


def _preset(
    name: str,
    what: str,
    domain: Domain,
    agent: SVG0Config,
    after: str | None = None,
    transfer: Transfer | None = None,
) -> Experiment:
    tasks = domain.tasks("humanoid")
    figure = "figure 8, left" if after is None else "figure 8, centre"
    if domain is GO_TO_TARGET:
        figure = "figure 8, right"
    return experiment(
        name, f"humanoid, {domain.title}, {what}", figure, agent, tasks,
        after=after, transfer=transfer,
    )  # fmt: skip


def _figure_8() -> list[Experiment]:
    walking, going = priors(WALKING), priors(GO_TO_TARGET)
    found = [
        _preset(f"humanoid-walking{variant}", TITLES[variant], WALKING, agent)
        for variant, agent in walking.items()
    ]
    found.append(_preset("humanoid-go-to-target", TITLES[""], GO_TO_TARGET, going[""]))
    for variant in ("-mlp-prior", "-lstm-prior", "-latent-prior"):
        what, after = f"with the trained {TITLES[variant]}", f"humanoid-walking{variant}"
        for name, domain, agent in (
            ("humanoid-walking-again", WALKING, walking[variant]),
            ("transfer-humanoid-walking-to-go-to-target", GO_TO_TARGET, going[variant]),
        ):
            found.append(_preset(name + variant, what, domain, agent, after, PRIOR_KEPT))
    for name, domain in (
        ("humanoid-walking-again", WALKING),
        ("transfer-humanoid-walking-to-go-to-target", GO_TO_TARGET),
    ):
        what, after = "in the trained latent space", "humanoid-walking-latent-prior"
        agent = latent_space(domain)
        found.append(_preset(f"{name}-latent-space", what, domain, agent, after, LATENT_SPACE_KEPT))
    return found


EXPERIMENTS = tuple(_figure_8())
