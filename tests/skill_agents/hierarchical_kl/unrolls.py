"""Small agents, and unrolls of made-up episodes whose rows follow `replay.step`."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from skill_train.replay.step import ArraySpec, Step
from skill_train.skill_agents.agent import ContinuousAction, DiscreteAction, EnvironmentSpec
from skill_train.skill_agents.hierarchical_kl.policies import HierarchicalPolicyConfig
from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0, SVG0Config
from skill_train.skill_agents.hierarchical_kl.vtrace_agent import VTraceAgent, VTraceConfig

OBSERVATION = {"proprioception": ArraySpec((3,)), "task": ArraySpec((2,))}
DRIVEN = EnvironmentSpec(OBSERVATION, ContinuousAction((-1.0, -1.0), (1.0, 1.0)))
STEPPED = EnvironmentSpec(OBSERVATION, DiscreteAction(4))
POLICY = HierarchicalPolicyConfig(high_sizes=(8,), latent_size=3, low_sizes=(8,))
SVG0_CONFIG = SVG0Config(
    policy=POLICY, critic_sizes=(8, 8), action_samples=2, kl_cost=0.3, entropy_cost=0.2
)
VTRACE_CONFIG = VTraceConfig(policy=POLICY, critic_sizes=(8, 8), kl_cost=0.3, entropy_cost=0.2)


def svg0(seed: int = 0, **changes) -> SVG0:
    """A small agent in float64 whose target networks differ from those it learns."""
    torch.manual_seed(seed)
    agent = replace(SVG0_CONFIG, **changes).build(DRIVEN).double()
    with torch.no_grad():
        for target in (agent.target_critic, agent.target_default_policy):
            for parameter in target.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return agent


def vtrace_agent(seed: int = 0, **changes) -> VTraceAgent:
    """A small agent in float64."""
    torch.manual_seed(seed)
    return replace(VTRACE_CONFIG, **changes).build(STEPPED).double()


class Unrolls(NamedTuple):
    """Rows ``[T+1, B]`` in float64, and what a learner must find out by itself."""

    rows: Step
    age: Tensor
    """Steps since the latent was drawn, also on rows without an action (where 0 is stored)."""


def random_unrolls(
    seed: int, spec: EnvironmentSpec, period: int = 1, steps: int = 9, batch: int = 6
) -> Unrolls:
    """``period`` context rows, ``steps`` steps and a bootstrap row, from episodes of 1 to 5 steps.

    Every other episode ends by a termination, the rest by a time limit.
    """
    rng = np.random.default_rng(seed)
    total = period + steps + 1
    shape = (total, batch)
    discount, acted = np.zeros(shape), np.zeros(shape, bool)
    first, age = np.zeros(shape, bool), np.zeros(shape, np.int32)
    for b in range(batch):
        episodes, left, steps_done = b, int(rng.integers(1, 6)), 0
        for t in range(total):
            first[t, b], age[t, b] = steps_done == 0, steps_done % period
            acted[t, b] = left > 0
            discount[t, b] = 0.0 if left == 0 or (left == 1 and episodes % 2) else 1.0
            left, steps_done = left - 1, steps_done + 1
            if left < 0:
                episodes, left, steps_done = episodes + 1, int(rng.integers(1, 6)), 0
    if isinstance(spec.action, DiscreteAction):
        action = torch.from_numpy(rng.integers(spec.action.count, size=shape) * acted)
    else:
        drawn = rng.normal(0.0, 0.7, (*shape, spec.action.size))
        action = torch.from_numpy(drawn * acted[..., None])
    extras = {"log_prob": torch.from_numpy(rng.normal(-1.5, 1.0, shape) * acted)}
    if period > 1:
        extras["age"] = torch.from_numpy(age * acted).int()
    rows = Step(
        observation={
            k: torch.from_numpy(rng.normal(size=(*shape, *v.shape)))
            for k, v in spec.observation.items()
        },
        action=action,
        reward=torch.from_numpy(rng.normal(size=shape) * acted),
        discount=torch.from_numpy(discount),
        is_first=torch.from_numpy(first),
        task=torch.zeros(shape, dtype=torch.int32),
        policy_version=torch.zeros(shape, dtype=torch.int64),
        extras=extras,
    )
    return Unrolls(rows, torch.from_numpy(age))


def losses(agent: SVG0 | VTraceAgent, rows: Step, seed: int = 7) -> dict[str, Tensor]:
    """The agent's losses with its noise drawn from ``seed``."""
    torch.manual_seed(seed)
    return dict(agent.losses({"unrolls": rows})[0])


def changed(rows: Step, at: tuple, **values: float) -> Step:
    """A copy of ``rows`` with some fields overwritten at an index; ``observation`` sets all groups,
    other names are fields or extras.
    """
    copy = rows._replace(
        observation={k: v.clone() for k, v in rows.observation.items()},
        extras={k: v.clone() for k, v in rows.extras.items()},
    )
    for name, value in values.items():
        if name == "observation":
            for group in copy.observation.values():
                group[at] = value
        elif name in copy.extras:
            copy.extras[name][at] = value
        else:
            field = getattr(copy, name).clone()
            field[at] = value
            copy = copy._replace(**{name: field})
    return copy
