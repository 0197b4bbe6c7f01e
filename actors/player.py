"""An agent at play in B environments: what acting, evaluation and filming share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch

from skill_train.actors.environments import Environments
from skill_train.actors.vector_env import Outcome
from skill_train.skill_agents.agent import Acting, Acts, Timestep


class Turn(NamedTuple):
    """One step of all environments; arrays and tensors ``[B, ...]``."""

    observation: Mapping[str, np.ndarray]
    """What was seen before acting: copies, which the environments do not overwrite."""
    is_first: np.ndarray
    acting: Acting
    outcome: Outcome


class Player:
    """Carries the agent's state, its randomness and the last reward from turn to turn."""

    def __init__(self, agent: Acts, envs: Environments, seed: int, explore: bool) -> None:
        self.agent, self.envs = agent, envs
        self._explore = explore
        self._state = agent.initial_state(envs.size)
        self._generator = torch.Generator().manual_seed(seed)
        self._reward = np.zeros(envs.size, np.float32)
        self._task = torch.from_numpy(envs.tasks.astype(np.int64))

    @torch.inference_mode()
    def turn(self) -> Turn:
        """Let the agent act once in every environment."""
        observation = {name: array.copy() for name, array in self.envs.observation.items()}
        is_first = self.envs.is_first
        timestep = Timestep(
            {name: torch.from_numpy(array) for name, array in observation.items()},
            torch.from_numpy(self._reward),
            torch.from_numpy(is_first),
            self._task,
        )
        acting = self.agent.act(timestep, self._state, self._explore, self._generator)
        self._state = acting.state
        outcome = self.envs.step(acting.action.numpy())
        self._reward = outcome.reward
        return Turn(observation, is_first, acting, outcome)
