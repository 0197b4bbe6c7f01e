"""Made-up trials of several lengths whose rows follow `replay.step`, and small agents for them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from skill_train.replay.step import ArraySpec, Step
from skill_train.skill_agents.agent import (
    ContinuousAction,
    DiscreteAction,
    EnvironmentSpec,
    Timestep,
)
from skill_train.skill_agents.vate.beliefs import GaussianBeliefConfig
from skill_train.skill_agents.vate.decoders import CellRewardConfig
from skill_train.skill_agents.vate.model import VariationalModelConfig
from skill_train.skill_agents.vate.policy_gradient import PPO
from skill_train.skill_agents.vate.vate import VATEConfig

CELLS, LENGTH = 4, 7
OBSERVATION = {
    "state": ArraySpec((CELLS,)),
    "arrived": ArraySpec((CELLS,)),
    "new_episode": ArraySpec((1,)),
}
GRID = EnvironmentSpec(OBSERVATION, DiscreteAction(3), num_tasks=5, num_goals=5)
PLANE = EnvironmentSpec(OBSERVATION, ContinuousAction((-1.0, -1.0), (1.0, 1.0)), 5, 5)
SMALL = VATEConfig(
    belief=GaussianBeliefConfig(size=2, embedding=5, memory=6),
    model=VariationalModelConfig(CellRewardConfig((4,)), batch_size=2, buffer_trials=20),
    optimisation=PPO(epochs=2, minibatches=3),
    trials_per_update=6,
    max_length=LENGTH,
    policy_sizes=(8,),
    value_sizes=(8,),
    gamma=0.9,
    gae_lambda=0.8,
    reward_scale=0.5,
)


def random_trials(spec: EnvironmentSpec, seed: int, batch: int = 6) -> Step:
    """``[LENGTH+1, batch]``; odd trials are shorter, and every third one terminates."""
    rng = np.random.default_rng(seed)
    shape = (LENGTH + 1, batch)
    lengths = [LENGTH if b % 2 == 0 else int(rng.integers(2, LENGTH)) for b in range(batch)]
    is_first, acted, real = np.ones(shape, bool), np.zeros(shape, bool), np.zeros(shape, bool)
    discount = np.zeros(shape, np.float32)
    for b, length in enumerate(lengths):
        is_first[1 : length + 1, b] = False
        acted[:length, b] = True
        real[: length + 1, b] = True
        discount[:length, b] = 1.0
        discount[length - 1, b] = float(b % 3 != 2)
    if isinstance(spec.action, DiscreteAction):
        action = rng.integers(spec.action.count, size=shape) * acted
    else:
        action = (rng.normal(size=(*shape, 2)) * acted[..., None]).astype(np.float32)
    state, arrived = (np.eye(CELLS)[rng.integers(CELLS, size=shape)] for _ in range(2))
    new = rng.integers(2, size=(*shape, 1))
    reward = np.where(rng.random(shape) < 0.3, 1.0, -0.1) * acted
    seen = {"state": state, "arrived": arrived, "new_episode": new}
    return Step(
        observation={
            name: torch.tensor(array * real[..., None], dtype=torch.float32)
            for name, array in seen.items()
        },
        action=torch.from_numpy(action),
        reward=torch.tensor(reward, dtype=torch.float32),
        discount=torch.from_numpy(discount),
        is_first=torch.from_numpy(is_first),
        task=torch.tensor(rng.integers(5, size=(1, batch)) * np.ones(shape, np.int32)).int(),
        policy_version=torch.zeros(shape, dtype=torch.int64),
        extras={"log_prob": torch.tensor(rng.normal(-1.0, 0.3, shape) * acted).float()},
    )


def length_of(rows: Step, b: int) -> int:
    """How many actions trial b has, by the rule of `replay.step`."""
    return int((~rows.is_first[1:, b]).sum())


def timestep(rows: Step, t: int) -> Timestep:
    """What the actor would show at row t."""
    reward = rows.reward[t - 1] if t else torch.zeros_like(rows.reward[0])
    observation = {name: array[t] for name, array in rows.observation.items()}
    return Timestep(observation, reward, rows.is_first[t], rows.task[t].long())


def gradient_of(loss: Tensor, module: torch.nn.Module) -> Tensor:
    """All gradients of ``loss`` in one vector; zeros where there is none."""
    parameters = list(module.parameters())
    if not loss.requires_grad:
        return torch.zeros(sum(p.numel() for p in parameters))
    gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    parts = [
        torch.zeros_like(p) if g is None else g for g, p in zip(gradients, parameters, strict=True)
    ]
    return torch.cat([part.flatten() for part in parts])
