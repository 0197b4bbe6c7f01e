"""A small grid of tasks, its agents, and made-up trials whose rows follow `replay.step`."""

from __future__ import annotations

import numpy as np
import torch

from skill_train.replay.step import ArraySpec, Step
from skill_train.skill_agents.agent import Agent, DiscreteAction, EnvironmentSpec

GRID = EnvironmentSpec({"state": ArraySpec((3,))}, DiscreteAction(2), num_tasks=6, num_goals=3)
"""2 dynamics x 3 goals."""
TASKS = (0, 2, 4, 5)
"""Those in the batch; cells (0, 1) and (1, 0) are held out."""
LIMIT = 12
GAMMA = 0.75
"""So that H = 4."""


def random_trials(seed: int, noise_size: int, batch: int = 3) -> Step:
    """``[LIMIT+1, N, B]`` in float64: a third of the episodes run into the time limit."""
    rng = np.random.default_rng(seed)
    shape = (LIMIT + 1, len(TASKS), batch)
    acted, discount = np.zeros(shape, bool), np.zeros(shape)
    is_first, task = np.ones(shape, bool), np.zeros(shape, np.int32)
    for n in range(len(TASKS)):
        for b in range(batch):
            length = LIMIT if (n + b) % 3 == 0 else int(rng.integers(1, LIMIT))
            acted[:length, n, b] = discount[:length, n, b] = True
            discount[length - 1, n, b] = float(length == LIMIT)
            is_first[1 : length + 1, n, b] = False
            task[: length + 1, n, b] = TASKS[n]
    rows = Step(
        observation={"state": rng.normal(size=(*shape, 3))},
        action=rng.integers(2, size=shape) * acted,
        reward=rng.normal(size=shape) * acted,
        discount=discount,
        is_first=is_first,
        task=task,
        policy_version=np.zeros(shape, np.int64),
        extras={
            "noise": rng.normal(size=(*shape, noise_size)) * acted[..., None],
            "log_prob": rng.uniform(-1.1, -0.3, size=shape) * acted,
        },
    )
    arrays = {"observation", "extras"}
    return Step(
        **{
            name: {k: torch.from_numpy(v) for k, v in leaf.items()}
            if name in arrays
            else torch.from_numpy(leaf)
            for name, leaf in rows._asdict().items()
        }
    )


def length_of(rows: Step, n: int, b: int) -> int:
    """L, by the rule of `replay.step`."""
    return int((~rows.is_first[1:, n, b]).sum())


def slow_returns(reward, rows: Step, n: int, b: int) -> list[float]:
    """R~_t of one trajectory by its sum."""
    length = length_of(rows, n, b)
    return [
        sum(GAMMA ** (h - t) * float(reward[h]) for h in range(t, length)) for t in range(length)
    ]


def counted_steps(rows: Step, n: int, b: int) -> list[int]:
    """All of a terminated episode; t <= L - H of one that the time limit cut."""
    length = length_of(rows, n, b)
    if rows.discount[length - 1, n, b] == 0:
        return list(range(length))
    return list(range(length - 4 + 1))


def slow_mean_and_std(values: list[float]) -> tuple[float, float]:
    """The moments after a first batch are the batch's own."""
    return float(np.mean(values)), max(float(np.std(values)), 1e-4)


def slow_score(advantage: float, log_prob: float, log_mu: float) -> float:
    """min(ratio A, clip(ratio, 0.8, 1.2) A)."""
    ratio = np.exp(log_prob - log_mu)
    return float(min(ratio * advantage, np.clip(ratio, 0.8, 1.2) * advantage))


def norms_of_networks(agent: Agent, group: str) -> torch.Tensor:
    """The gradient's norm of each of the group's stacked networks."""
    gradients = [p.grad.flatten(1) for p in agent.parameter_groups()[group].parameters]
    return torch.cat(gradients, 1).norm(dim=1)


def gradient_size(loss: torch.Tensor, module: torch.nn.Module) -> float:
    gradients = torch.autograd.grad(
        loss, list(module.parameters()), retain_graph=True, allow_unused=True
    )
    return sum(float(g.abs().sum()) for g in gradients if g is not None)
