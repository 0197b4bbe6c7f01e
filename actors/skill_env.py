"""Environments whose actions are skills: choices for a trained policy, which then acts.

`SkillEnvironments` are B environments with one forward pass of the policy for all, for actors,
evaluation and films; `SkillEnv` wraps a single one for any Gymnasium learner. Observations, rewards
and ends are the task's own: every step is one choice, one action, one step of the task.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import torch
from typing_extensions import override

from skill_train.actors.clipping import Clip
from skill_train.actors.environments import Environments, Outcome, timestep_of
from skill_train.skill_agents.agent import (
    ContinuousAction,
    DiscreteAction,
    EnvironmentSpec,
    Timestep,
)
from skill_train.skill_agents.skills import Skills


class SkillEnvironments:
    """The environments ``envs`` with ``skills`` as actions; they implement `Environments`."""

    def __init__(self, envs: Environments, skills: Skills, seed: int) -> None:
        """``seed`` is that of the skills' random draws."""
        self.envs = envs
        self.spec: EnvironmentSpec = replace(envs.spec, action=skills.action)
        self._policy = _Policy(skills, envs.size, torch.Generator().manual_seed(seed))
        self._tasks = envs.tasks.astype(np.int64)

    @property
    def tasks(self) -> np.ndarray:
        """The index of each environment's task, int32 ``[B]``."""
        return self.envs.tasks

    @property
    def size(self) -> int:
        """The number of environments, B."""
        return self.envs.size

    @property
    def failures(self) -> int:
        """The number of times that an environment has raised or given NaN so far."""
        return self.envs.failures

    def reset(self) -> Mapping[str, np.ndarray]:
        """Begin an episode in every environment; returns o_0, ``[B, ...]``."""
        observation = self.envs.reset()
        nothing, first = np.zeros(self.size, np.float32), np.ones(self.size, bool)
        self._policy.shown = timestep_of(observation, nothing, first, self._tasks)
        return observation

    def step(self, action: np.ndarray) -> Outcome:
        """Act in every environment by the skills ``action``: ``[B, C]``, or ``[B]`` indices."""
        outcome = self.envs.step(self._policy.act(action))
        self._policy.shown = timestep_of(
            outcome.observation, outcome.reward, outcome.is_first, self._tasks
        )
        return outcome

    def draw(self) -> np.ndarray:
        """Random actions for the next `step`, which the skills themselves draw."""
        return self._policy.draw()

    def hold(self, held: np.ndarray) -> Mapping[str, np.ndarray]:
        """Let the environments ``held`` wait, as `Environments.hold` says.

        Waiting environments show first rows, so the skills remember nothing of the wait.
        """
        observation = self.envs.hold(held)
        seen = {name: torch.from_numpy(array) for name, array in observation.items()}
        self._policy.shown = self._policy.shown._replace(observation=seen)
        return observation

    def close(self) -> None:
        """Close every environment."""
        self.envs.close()


class SkillEnv(gymnasium.Wrapper, gymnasium.utils.RecordConstructorArgs):
    """One environment with ``skills`` as actions.

    The observation must be in named groups, as the trained policy finds its groups by name. A reset
    with a seed also seeds the draws of a random policy.
    """

    def __init__(self, env: gymnasium.Env, skills: Skills) -> None:
        gymnasium.utils.RecordConstructorArgs.__init__(self, _disable_deepcopy=True, skills=skills)
        gymnasium.Wrapper.__init__(self, env)
        if not isinstance(env.observation_space, gymnasium.spaces.Dict):
            raise ValueError(f"skills need observations in named groups, not {env}")
        self.action_space = action_space(skills.action)
        self._generator = torch.Generator()
        self._policy = _Policy(skills, 1, self._generator)

    @override
    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        if seed is not None:
            self._generator.manual_seed(seed)
        seen, info = self.env.reset(seed=seed, options=options)
        self._policy.shown = _shown_by_one(seen, reward=0.0, is_first=True)
        return seen, info

    def step(self, action: Any) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Let the trained policy act once by the skill ``action``."""
        acted = self._policy.act(np.asarray(action)[None])[0]
        seen, reward, terminated, truncated, info = self.env.step(acted)
        self._policy.shown = _shown_by_one(seen, float(reward), is_first=False)
        return seen, float(reward), terminated, truncated, info


class _Policy:
    """Skills in B environments, with their state from step to step."""

    shown: Timestep
    """The environments' present output, on which the skills act next."""

    def __init__(self, skills: Skills, batch: int, generator: torch.Generator) -> None:
        self._skills, self._generator = skills, generator
        self._clip = Clip(skills.action)
        self._state = skills.initial_state(batch)

    @torch.inference_mode()
    def act(self, choice: np.ndarray) -> np.ndarray:
        """The task's actions for ``choice``, which is clipped to its bounds."""
        chosen = torch.from_numpy(self._clip(choice))
        acting = self._skills.act(self.shown, chosen, self._state, self._generator)
        self._state = acting.state
        action: np.ndarray = acting.action.numpy()
        return action

    @torch.inference_mode()
    def draw(self) -> np.ndarray:
        """Random choices for the next `act`."""
        choice: np.ndarray = self._skills.draw(self.shown, self._state, self._generator).numpy()
        return choice


def _shown_by_one(seen: Mapping[str, np.ndarray], reward: float, is_first: bool) -> Timestep:
    return timestep_of(
        {name: array[None] for name, array in seen.items()},
        np.array([reward], np.float32),
        np.array([is_first]),
        np.zeros(1, np.int64),
    )


def action_space(action: ContinuousAction | DiscreteAction) -> gymnasium.Space[Any]:
    """The Gymnasium space of an agent's actions."""
    if isinstance(action, DiscreteAction):
        return gymnasium.spaces.Discrete(action.count)
    low, high = np.asarray(action.low, np.float32), np.asarray(action.high, np.float32)
    return gymnasium.spaces.Box(low, high)
