"""Environments whose actions are skills: choices for a trained policy, which then acts itself.

`SkillEnvironments` is B of them with one forward pass of the policy for all, for actors and
evaluation; `SkillEnv` wraps a single one for anybody who has a Gymnasium learner. Observations,
rewards and ends are the task's own: every step is one choice, one action, one step of the task.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import torch

from skill_train.actors.environments import Environments, Outcome
from skill_train.skill_agents.agent import ContinuousAction, DiscreteAction, EnvironmentSpec
from skill_train.skill_agents.skills import Skills


class SkillEnvironments:
    """``envs`` acted in by ``skills``; the face is that of `Environments`."""

    def __init__(self, envs: Environments, skills: Skills, seed: int) -> None:
        """``seed``: of the draws of a policy that is random."""
        self.envs = envs
        self.spec: EnvironmentSpec = replace(envs.spec, action=skills.action)
        self._skills = skills
        self._generator = torch.Generator().manual_seed(seed)
        self._observation: Mapping[str, np.ndarray] = {}
        """o_t, by which the skills act next."""

    @property
    def tasks(self) -> np.ndarray:
        """As `Environments`."""
        return self.envs.tasks

    @property
    def size(self) -> int:
        """As `Environments`."""
        return self.envs.size

    @property
    def failures(self) -> int:
        """As `Environments`."""
        return self.envs.failures

    def reset(self) -> Mapping[str, np.ndarray]:
        """Begin an episode of the task everywhere."""
        self._observation = self.envs.reset()
        return self._observation

    def step(self, action: np.ndarray) -> Outcome:
        """Choose everywhere: latents ``[B, C]``, or ``[B]`` indices."""
        seen = {name: torch.from_numpy(array) for name, array in self._observation.items()}
        acted = self._skills.act(seen, torch.from_numpy(action), self._generator)
        outcome = self.envs.step(acted.numpy())
        self._observation = outcome.observation
        return outcome

    def hold(self, held: np.ndarray) -> Mapping[str, np.ndarray]:
        """As `Environments`."""
        self._observation = self.envs.hold(held)
        return self._observation

    def close(self) -> None:
        """Close the environments."""
        self.envs.close()


class SkillEnv(gymnasium.Wrapper, gymnasium.utils.RecordConstructorArgs):
    """One environment acted in by ``skills``: its action space is theirs.

    The observation must be in named groups, as the trained policy finds its own by name. The draws
    of a policy that is random start afresh from the seed of a seeded reset.
    """

    def __init__(self, env: gymnasium.Env, skills: Skills) -> None:
        gymnasium.utils.RecordConstructorArgs.__init__(self, _disable_deepcopy=True, skills=skills)
        gymnasium.Wrapper.__init__(self, env)
        if not isinstance(env.observation_space, gymnasium.spaces.Dict):
            raise ValueError(f"skills need observations in named groups, not {env}")
        self.action_space = action_space(skills.action)
        self._skills = skills
        self._generator = torch.Generator()
        self._seen: dict[str, np.ndarray] = {}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Start the task."""
        if seed is not None:
            self._generator.manual_seed(seed)
        self._seen, info = self.env.reset(seed=seed, options=options)
        return self._seen, info

    def step(self, action: Any) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Let the trained policy act by the choice ``action``, once."""
        seen = {name: torch.from_numpy(array[None]) for name, array in self._seen.items()}
        acted = self._skills.act(seen, torch.as_tensor(action)[None], self._generator)
        self._seen, reward, terminated, truncated, info = self.env.step(acted[0].numpy())
        return self._seen, float(reward), terminated, truncated, info


def action_space(action: ContinuousAction | DiscreteAction) -> gymnasium.Space[Any]:
    """The Gymnasium space of an agent's actions."""
    if isinstance(action, DiscreteAction):
        return gymnasium.spaces.Discrete(action.count)
    low, high = np.asarray(action.low, np.float32), np.asarray(action.high, np.float32)
    return gymnasium.spaces.Box(low, high)
