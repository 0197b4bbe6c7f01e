"""The sides of `benchmarks.speed.learner`: our update, ours without savings, and the plain one.

To compare them, random unrolls are made in both forms, and the plain agent gets our parameters.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from benchmarks.speed.plain_svg0 import Noise, PlainBatch, PlainConfig, PlainSVG0
from skill_train.learners.learner import Learner
from skill_train.replay.step import Step
from skill_train.skill_agents.agent import ContinuousAction, EnvironmentSpec
from skill_train.skill_agents.hierarchical_kl.defaults import SharedLowLevel
from skill_train.skill_agents.hierarchical_kl.policies import HierarchicalPolicyConfig
from skill_train.skill_agents.hierarchical_kl.priors import AR1Config
from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0, Critic, SVG0Config


class WholeFirstLayer(Critic):
    """A critic that puts every sampled action beside its own copy of observation and latent."""

    def forward(self, observation, latent, action):  # type: ignore[no-untyped-def]
        state = torch.cat([self.view(observation), latent], dim=-1)
        state = state.expand(*action.shape[:-1], self.state_size)
        inputs = torch.cat([state, action.clamp(self.low, self.high)], dim=-1)
        hidden = torch.tanh(self.norm(self.first(inputs)))
        return self.value(self.torso(hidden)).squeeze(-1)


class TwoEvaluations(SVG0):
    """An SVG(0) that evaluates Q' once more, without a gradient, for the bootstrap values."""

    def _sampled_values(self, decision, rows):  # type: ignore[no-untyped-def]
        with torch.no_grad():
            super()._sampled_values(decision, rows)
        return super()._sampled_values(decision, rows)


class Ours:
    """`Learner.update` on always the same batch, ``without`` one of its savings if named."""

    def __init__(self, config: SVG0Config, spec: EnvironmentSpec, without: str = "") -> None:
        torch.manual_seed(0)
        self.agent = config.build(spec)
        if without == "one evaluation for both":
            self.agent.__class__ = TwoEvaluations
        if without == "first layer split":
            self.agent.critic.__class__ = self.agent.target_critic.__class__ = WholeFirstLayer
        self.learner = Learner(self.agent)
        if without == "fused Adam":
            for adam in self.learner.optimizers.adams.values():
                for group in adam.param_groups:
                    group.update(fused=False, foreach=False)
        self.rows = random_rows(config, spec)

    def update(self) -> None:
        self.learner.update({"unrolls": self.rows})


class Plain:
    """`PlainSVG0.update` from the same start, on the same batch."""

    def __init__(self, config: SVG0Config, spec: EnvironmentSpec) -> None:
        ours = Ours(config, spec)
        self.agent = plain_twin(ours.agent, spec)
        self.batch = plain_batch(ours.rows)

    def update(self) -> None:
        self.agent.update(self.batch)


SAVINGS = ("one evaluation for both", "first layer split", "fused Adam")


def random_rows(config: SVG0Config, spec: EnvironmentSpec) -> Step:
    """Unrolls of episodes that end, by termination or not, about every 50 steps."""
    assert isinstance(spec.action, ContinuousAction)
    generator = torch.Generator().manual_seed(1)
    shape = (config.unroll_length + 2, config.batch_size)

    def normal(*size: int) -> Tensor:
        return torch.randn(*shape, *size, generator=generator)

    is_first = torch.rand(shape, generator=generator) < 0.02
    acted = torch.cat([~is_first[1:], torch.ones(1, config.batch_size, dtype=torch.bool)])
    before_last = torch.cat([is_first[2:], torch.zeros(2, config.batch_size, dtype=torch.bool)])
    return Step(
        observation={name: normal(*array.shape) for name, array in spec.observation.items()},
        action=normal(spec.action.size) * acted[..., None],
        reward=normal() * acted,
        discount=(acted & ~(before_last & (normal() > 0))).float(),
        is_first=is_first,
        task=torch.zeros(shape, dtype=torch.int32),
        policy_version=torch.zeros(shape, dtype=torch.int64),
        extras={"log_prob": (normal() - spec.action.size) * acted},
    )


def plain_batch(rows: Step) -> PlainBatch:
    return PlainBatch(
        rows.observation["proprioception"],
        rows.observation["task"],
        rows.action,
        rows.reward,
        rows.discount,
        rows.is_first,
        rows.extras["log_prob"],
    )


def plain_twin(agent: SVG0, spec: EnvironmentSpec) -> PlainSVG0:
    """The plain agent of the same sizes with copies of ``agent``'s parameters."""
    c = agent.config
    assert isinstance(c.policy, HierarchicalPolicyConfig) and isinstance(c.default, SharedLowLevel)
    assert isinstance(c.default.prior, AR1Config) and isinstance(spec.action, ContinuousAction)
    sizes = {name: array.shape[0] for name, array in spec.observation.items()}
    twin = PlainSVG0(
        PlainConfig(
            proprioception=sizes["proprioception"],
            task=sizes["task"],
            actions=spec.action.size,
            latent=c.policy.latent_size,
            high_sizes=c.policy.high_sizes,
            low_sizes=c.policy.low_sizes,
            critic_sizes=c.critic_sizes,
            samples=c.action_samples,
            correlation=c.default.prior.correlation,
            kl_cost=c.kl_cost,
            entropy_cost=c.entropy_cost,
            gamma=c.gamma,
            initial_action_std=c.policy.action_head.initial_std,
            learning_rate=c.actor_learning_rate,
            critic_learning_rate=c.critic_learning_rate,
            target_update_period=c.target_update_period,
        )
    )
    for theirs, ours in (
        (twin.high, agent.policy.high),
        (twin.low, agent.policy.low),
        (twin.critic, agent.critic),
        (twin.target_critic, agent.target_critic),
    ):
        theirs.to(next(ours.parameters()).dtype)
        with torch.no_grad():
            for to, value in zip(theirs.parameters(), ours.parameters(), strict=True):
                to.copy_(value)
    return twin


def largest_difference(config: SVG0Config, spec: EnvironmentSpec) -> dict[str, float]:
    """The largest difference of losses and gradients, in float64, with the same samples.

    Target networks differ from the networks they follow, so that a mix-up would show.
    """
    config = replace(config, batch_size=16)
    agent = Ours(config, spec).agent.double()
    rows = _double(random_rows(config, spec))
    with torch.no_grad():
        for parameter in agent.target_critic.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    twin = plain_twin(agent, spec)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        torch.manual_seed(2)
        losses, _ = agent.losses({"unrolls": rows})
        torch.manual_seed(2)  # our agent draws for all rows at once, first latents, then actions
        latent = torch.randn(*rows.reward.shape, agent.policy.latent_size)
        actions = torch.randn(config.action_samples, *rows.action.shape)
        noise = Noise(latent, actions[:, 1:-1], actions[:, 2:])
        policy, critic = twin.losses(plain_batch(rows), noise)
    finally:
        torch.set_default_dtype(before)
    ours = [losses["policy"], losses["critic"]]
    modules = [agent.policy, agent.critic]
    apart = {"loss": max(abs((a - b).item()) for a, b in zip(ours, (policy, critic), strict=True))}
    twins = [[*twin.high.parameters(), *twin.low.parameters()], list(twin.critic.parameters())]
    pairs = []
    for loss, module, plain_loss, plain in zip(ours, modules, (policy, critic), twins, strict=True):
        gradients = torch.autograd.grad(loss, list(module.parameters()), retain_graph=True)
        plain_gradients = torch.autograd.grad(plain_loss, plain, retain_graph=True)
        pairs += list(zip(gradients, plain_gradients, strict=True))
    apart["gradient"] = max(float((a - b).abs().max()) for a, b in pairs)
    return apart


def _double(rows: Step) -> Step:
    return Step(
        *(
            {k: v.double() for k, v in leaf.items()}
            if isinstance(leaf, dict)
            else (leaf.double() if leaf.is_floating_point() else leaf)
            for leaf in rows
        )
    )
