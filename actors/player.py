"""The loop of an agent in B environments, shared by acting, evaluation and filming."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch

from skill_train.actors.environments import Environments, Outcome, timestep_of
from skill_train.skill_agents.agent import Acting, Agent


class Turn(NamedTuple):
    """One step of all environments; arrays and tensors ``[B, ...]``."""

    observation: Mapping[str, np.ndarray]
    """o_t, on which the agent acted."""
    is_first: np.ndarray
    """Whether o_t begins an episode, bool ``[B]``."""
    acting: Acting
    outcome: Outcome


class Player:
    """An agent in B environments, with its state and randomness from turn to turn.

    Making a player begins an episode in every environment.
    """

    def __init__(self, agent: Agent, envs: Environments, seed: int, explore: bool) -> None:
        self.agent, self.envs = agent, envs
        self.observation = envs.reset()
        """o_t, on which the next turn acts."""
        self.is_first = np.ones(envs.size, bool)
        """Whether o_t begins an episode, bool ``[B]``."""
        self._explore = explore
        self._state = agent.initial_state(envs.size)
        self._generator = torch.Generator().manual_seed(seed)
        self._reward = np.zeros(envs.size, np.float32)
        self._task = envs.tasks.astype(np.int64)

    @torch.inference_mode()
    def turn(self) -> Turn:
        """Let the agent act once in every environment."""
        observation, is_first = self.observation, self.is_first
        timestep = timestep_of(observation, self._reward, is_first, self._task)
        acting = self.agent.act(timestep, self._state, self._explore, self._generator)
        self._state = acting.state
        outcome = self.envs.step(acting.action.numpy())
        self.observation, self.is_first = outcome.observation, outcome.is_first
        self._reward = outcome.reward
        return Turn(observation, is_first, acting, outcome)

    def hold(self, held: np.ndarray) -> None:
        """Let the environments ``held`` wait wherever an episode begins, bool ``[B]``."""
        self.observation = self.envs.hold(held)
