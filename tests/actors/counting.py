"""An environment, an agent and a writer in which every number says where it comes from."""

from __future__ import annotations

import gymnasium
import numpy as np
import torch
from torch import nn

from skill_train.replay.step import ArraySpec, RowLayout, Step
from skill_train.skill_agents.agent import Acting, Agent

LENGTH = 3


class CountingEnv(gymnasium.Env):
    """Observation (task, episode, step); reward 100 episode + step of the action's arrival.

    Even tasks terminate after LENGTH steps and succeed, odd ones run into a time limit.
    ``trouble`` maps (episode, step) to "raise", "nan reward" or "nan observation".
    """

    observation_space = gymnasium.spaces.Dict(
        {"count": gymnasium.spaces.Box(-np.inf, np.inf, (3,), np.float32)}
    )
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def __init__(self, task: int, length: int = LENGTH, trouble: dict | None = None) -> None:
        self.task, self.length, self.trouble = task, length, trouble or {}
        self.episode, self.steps = -1, 0
        self.actions: list[np.ndarray] = []
        self.seeds: list[int | None] = []
        self.closed = False

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seeds.append(seed)
        self.episode, self.steps = self.episode + 1, 0
        if self.trouble.get((self.episode, 0)) == "raise":
            raise RuntimeError("no reset")
        return self._seen(), {}

    def step(self, action):
        self.actions.append(np.array(action))
        self.steps += 1
        trouble = self.trouble.get((self.episode, self.steps))
        if trouble == "raise":
            raise RuntimeError("the simulation is unstable")
        reward = np.nan if trouble == "nan reward" else 100.0 * self.episode + self.steps
        over = self.steps == self.length
        info = {"success": True} if self.task % 2 == 0 else {}
        return self._seen(), reward, over and not self.task % 2, over and self.task % 2 == 1, info

    def close(self):
        self.closed = True

    def _seen(self):
        bad = self.trouble.get((self.episode, self.steps)) == "nan observation"
        seen = (self.task, self.episode, np.nan if bad else self.steps)
        return {"count": np.array(seen, np.float32)}


EXTRAS = {"seen": ArraySpec((3,)), "first": ArraySpec((), "bool")}
"""What `CountingAgent` adds to a row."""


class CountingAgent(Agent):
    """Acts (10 episode + step + offset, calls), and remembers how often it was called."""

    acting_parts = ("offset",)

    def __init__(self) -> None:
        super().__init__()
        self.offset = nn.Linear(1, 1)
        nn.init.zeros_(self.offset.bias)

    def initial_state(self, batch):
        return {"calls": torch.zeros(batch)}

    def act(self, timestep, state, explore, generator=None):
        seen = timestep.observation["count"]
        calls = torch.where(timestep.is_first, 0.0, state["calls"]) + 1
        number = 10 * seen[:, 1] + seen[:, 2] + self.offset.bias
        extras = {"seen": seen.clone(), "first": timestep.is_first.clone()}
        self.last = timestep
        return Acting(torch.stack([number, calls], -1), {"calls": calls}, extras)

    def parameter_groups(self):
        raise NotImplementedError

    def losses(self, batch):
        raise NotImplementedError


class RecordingWriter:
    """Keeps a copy of every row; ``takes`` says whether replay takes them."""

    def __init__(self, layout: RowLayout) -> None:
        self.layout = layout
        self.rows: list[list] = []
        self.dropped: list[tuple[int, int]] = []
        """(rows written before, stream)."""
        self.takes = True
        self.closed = False

    def append(self, rows: Step) -> None:
        self.rows.append([leaf.copy() for leaf in self.layout.leaves(rows)])

    def drop(self, stream: int) -> None:
        self.dropped.append((len(self.rows), stream))

    def flush(self, timeout_s: float) -> bool:
        return self.takes

    def close(self) -> None:
        self.closed = True

    def streams(self) -> Step:
        """Everything written, arrays ``[T, B, ...]``."""
        columns = [np.stack(column) for column in zip(*self.rows, strict=True)]
        fields = [name for name, _, _ in self.layout.describe()]
        return self.layout.views(dict(zip(fields, columns, strict=True)))
