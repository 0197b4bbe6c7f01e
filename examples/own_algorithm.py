"""An algorithm of one's own: deep Q-learning, from its config to an experiment on CartPole.

    skill-train run examples/own_algorithm.py

Nothing but this file knows of it; actors, replay, learner, checkpoints and Ray are the package's.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skill_train.experiments.spec import Actors, Evaluating, Experiment, Learning, Limits, Stage
from skill_train.replay.schema import Schema
from skill_train.replay.tables import Draw, transitions
from skill_train.skill_agents.agent import (
    Acting,
    ActState,
    Agent,
    AgentConfig,
    Batch,
    DiscreteAction,
    EnvironmentSpec,
    Metrics,
    ParameterGroup,
    Timestep,
)
from skill_train.skill_agents.nets.mlp import MLP
from skill_train.skill_agents.nets.targets import average_parameters
from skill_train.skill_agents.nets.view import View
from skill_train.skill_agents.ranges import Count, Positive, Share, Sizes
from skill_train.tasks.families import GymnasiumTask


@dataclass(frozen=True)
class DQNConfig(AgentConfig):
    """Hyperparameters: each can be overridden, such as --agent.gamma 0.98."""

    gamma: Share = 0.99
    epsilon: Share = 0.1
    """How often an action is any action."""
    sizes: Sizes = (128, 128)
    learning_rate: Positive = 5e-4
    target_rate: Share = 0.01
    batch: Count = 64
    minimum: Count = 500
    samples_per_insert: Positive = 64.0  # with a batch of 64, an update for each step

    def schema(self, spec: EnvironmentSpec, tasks: Sequence[int]) -> Schema:
        """Replay holds transitions, and an update takes some of them at random."""
        table = transitions(
            "transitions",
            50_000,
            min_items=self.minimum,
            samples_per_insert=self.samples_per_insert,
        )
        draws = {"transitions": Draw("transitions", self.batch)}
        return Schema((table,), draws, spec.step_spec({}), tuple(tasks))

    def build(self, spec: EnvironmentSpec) -> DQN:
        return DQN(self, spec)

    def tiny(self) -> Self:
        """What --tiny makes of it."""
        return replace(self, sizes=(8,), batch=8, minimum=20, samples_per_insert=1.0)


class DQN(Agent):
    """Q(s, .), and a copy that follows it slowly for the targets."""

    acting_parts = ("q",)

    def __init__(self, config: DQNConfig, spec: EnvironmentSpec) -> None:
        super().__init__()
        if not isinstance(spec.action, DiscreteAction):
            raise ValueError(f"deep Q-learning needs discrete actions, not {spec.action}")
        self.config = config
        view = View(("*",), spec.observation)
        torso = MLP(view.size, config.sizes, layer_norm=False)
        self.q = nn.Sequential(view, torso, nn.Linear(torso.output_size, spec.action.count))
        self.target_q = copy.deepcopy(self.q).requires_grad_(False)

    @torch.no_grad()
    def act(
        self,
        timestep: Timestep,
        state: ActState,
        explore: bool,
        generator: torch.Generator | None = None,
    ) -> Acting:
        q = self.q(timestep.observation)  # [B, A]
        action = q.argmax(-1)
        if explore:
            any_action = torch.randint(q.shape[-1], action.shape, generator=generator)
            explores = torch.rand(action.shape, generator=generator) < self.config.epsilon
            action = torch.where(explores, any_action, action)
        return Acting(action, state, {})

    def parameter_groups(self) -> Mapping[str, ParameterGroup]:
        return {"q": ParameterGroup(list(self.q.parameters()), self.config.learning_rate)}

    def losses(self, batch: Batch) -> tuple[Mapping[str, Tensor], Metrics]:
        """Double Q-learning; rows ``[2, B]`` are a transition's two ends."""
        rows = batch["transitions"]
        now = {name: array[0] for name, array in rows.observation.items()}
        after = {name: array[1] for name, array in rows.observation.items()}
        with torch.no_grad():
            best = self.q(after).argmax(-1, keepdim=True)
            future = self.target_q(after).gather(-1, best).squeeze(-1)
            target = rows.reward[0] + self.config.gamma * rows.discount[0] * future
        q = self.q(now).gather(-1, rows.action[0].unsqueeze(-1)).squeeze(-1)
        return {"q": F.smooth_l1_loss(q, target)}, {"q": q.detach().mean()}

    def after_step(self, step: int) -> None:
        average_parameters(self.q, self.target_q, self.config.target_rate)


EXPERIMENT = Experiment(
    name="own/dqn-cartpole",
    summary="CartPole-v1, deep Q-learning",
    stage=Stage(
        agent=DQNConfig(),
        tasks=GymnasiumTask("CartPole-v1"),
        actors=Actors(count=1, environments=4, steps_per_refresh=80),
        learning=Learning(seconds_per_publish=0.1, inline_env_steps=4, inline_updates=4),
        limits=Limits(env_steps=30_000),
        evaluation=Evaluating(episodes=10, every_env_steps=5_000, final_episodes=100),
    ),
)
