"""The choice between the two ways to step the environments of a family's tasks."""

from __future__ import annotations

from collections.abc import Sequence

from skill_train.actors.batched_env import BatchedEnv
from skill_train.actors.environments import Environments
from skill_train.actors.vector_env import VectorEnv
from skill_train.tasks.families import Tasks


def make_environments(tasks: Tasks, slots: Sequence[int], seed: int) -> Environments:
    """An environment for each task of ``slots``, stepping as arrays where the family can."""
    batch = tasks.make_batch(slots)
    return VectorEnv(tasks.make, slots, seed) if batch is None else BatchedEnv(batch, slots, seed)
