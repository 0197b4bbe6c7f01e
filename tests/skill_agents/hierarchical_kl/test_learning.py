"""Both agents learn tasks of a few states, through actor, replay and learner in one process."""

from __future__ import annotations

from functools import partial

import gymnasium
import numpy as np
import pytest
import torch

from skill_train.actors.actor import Actor
from skill_train.actors.evaluator import evaluate
from skill_train.actors.vector_env import VectorEnv
from skill_train.learners.feed import Batches
from skill_train.learners.learner import Learner
from skill_train.replay.in_memory import InMemoryReplay
from skill_train.skill_agents.hierarchical_kl.action_head import ActionHead
from skill_train.skill_agents.hierarchical_kl.defaults import (
    FlatDefault,
    SeparateLowLevel,
    SharedLowLevel,
)
from skill_train.skill_agents.hierarchical_kl.policies import (
    FlatPolicyConfig,
    HierarchicalPolicyConfig,
)
from skill_train.skill_agents.hierarchical_kl.priors import AR1Config, LearnedARConfig
from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0Config
from skill_train.skill_agents.hierarchical_kl.vtrace_agent import VTraceConfig
from skill_train.tasks.grid import Grid, mean_optimal_return

HEAD = ActionHead(initial_std=0.5)
HIERARCHY = HierarchicalPolicyConfig(
    action_head=HEAD, high_sizes=(32,), latent_size=2, low_sizes=(32,)
)
FLAT = FlatPolicyConfig(action_head=HEAD, sizes=(32, 32), default_sizes=(32,))


class Point(gymnasium.Env):
    """A point on [-1, 1] moves by 0.2 a; each step costs its distance to a target; 10 steps."""

    observation_space = gymnasium.spaces.Dict(
        {
            "proprioception": gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32),
            "task": gymnasium.spaces.Box(-2.0, 2.0, (1,), np.float32),
        }
    )
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.x, self.target = self.np_random.uniform(-1.0, 1.0, 2)
        self.steps = 0
        return self._seen(), {}

    def step(self, action):
        self.x = float(np.clip(self.x + 0.2 * action[0], -1.0, 1.0))
        self.steps += 1
        return self._seen(), -abs(self.x - self.target), False, self.steps == 10, {}

    def _seen(self):
        return {
            "proprioception": np.array([self.x], np.float32),
            "task": np.array([self.target - self.x], np.float32),
        }


def train(config, make, rounds: int, steps: int, updates: int) -> tuple[float, float]:
    """Mean return of 60 episodes before and after; a round is ``steps`` steps, then updates."""
    torch.manual_seed(0)
    envs = VectorEnv(make, [0] * 8, seed=0)
    agent = config.build(envs.spec)
    schema = config.schema(envs.spec, (0,))
    replay = InMemoryReplay(schema, seed=0)
    actor = Actor(envs, agent, replay.writer(envs.size), seed=0)
    learner = Learner(agent)
    batches = Batches(replay.reader(), schema.draws, learner.device)
    before = evaluate(agent, partial(VectorEnv, make), [0], 60, seed=1).return_mean
    for _ in range(rounds):
        actor.set_weights({}, learner.steps)
        actor.run(steps, flush_timeout_s=0.0)
        for _ in range(updates):
            batch = batches.next(0.0)
            if batch is None:
                break
            learner.update(batch)
    assert all(np.isfinite(list(learner.metrics().values())))
    return before, evaluate(agent, partial(VectorEnv, make), [0], 60, seed=1).return_mean


@pytest.mark.parametrize(
    ("policy", "default"),
    [
        (HIERARCHY, SharedLowLevel(AR1Config(0.9))),
        (HIERARCHY, SeparateLowLevel(LearnedARConfig((16,)))),
        (FLAT, FlatDefault()),
    ],
    ids=["shared, AR(1)", "separate, learned AR", "flat, DISTRAL"],
)
def test_svg0_learns_to_reach_a_point(policy, default):
    """Going straight to the target costs about 1.2, standing still 6.7."""
    config = SVG0Config(
        policy=policy,
        default=default,
        critic_sizes=(64, 64),
        actor_learning_rate=5e-4,
        critic_learning_rate=4e-3,
        default_learning_rate=2e-3,
        target_update_period=20,
        action_samples=4,
        gamma=0.9,
        batch_size=32,
        unroll_length=5,
        minimum_unrolls=32,
    )
    before, after = train(config, lambda task: Point(), rounds=80, steps=80, updates=8)
    assert after > -2.2
    assert after > before + 2.0


@pytest.mark.parametrize("period", [1, 2])
def test_vtrace_learns_a_grid_of_nine_cells(period):
    """Bodies of one and two steps, the latent held as long as a cell takes (appendix B.3)."""
    config = VTraceConfig(
        policy=HIERARCHY,
        latent_period=period,
        critic_sizes=(64,),
        learning_rate=3e-3,
        gamma=0.95,
        batch_size=16,
        unroll_length=10,
    )

    def make(task):
        return Grid(body_steps=period, size=3, episode_steps=30)

    before, after = train(config, make, rounds=110 * period, steps=160, updates=10)
    assert before < -1.0
    assert after > mean_optimal_return(period, size=3) - 0.15
