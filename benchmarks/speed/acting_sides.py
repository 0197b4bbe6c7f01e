"""The sides of `benchmarks.speed.throughput`: three ways to step an environment on one core.

Each has ``run(seconds)``, which returns `Steps`; heavy imports wait until a side is made, in its
own process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

HIDDEN = (200, 100)
"""Hidden layers of the flat policies, ours and RLlib's; our hierarchy has the paper's sizes."""


@dataclass(frozen=True)
class Steps:
    """A number of environment steps, and the time that they took."""

    steps: int
    seconds: float
    cpu_seconds: float
    """CPU time of all threads of the process; far below ``seconds`` if it waited for others."""


class Gymnasium:
    """The environment alone: actions drawn beforehand, a reset at the end of each episode."""

    def __init__(self, env_id: str) -> None:
        import gymnasium
        import numpy as np

        self._env = gymnasium.make(env_id)
        space = self._env.action_space
        drawn = np.random.default_rng(0).uniform(space.low, space.high, (4096, *space.shape))
        self._actions = list(drawn.astype(space.dtype))
        self._env.reset(seed=0)

    def run(self, seconds: float) -> Steps:
        return timed(self._some, seconds)

    def _some(self) -> int:
        for action in self._actions:
            _, _, terminated, truncated, _ = self._env.step(action)
            if terminated or truncated:
                self._env.reset()
        return len(self._actions)


class OurActor:
    """An `actors.Actor`: policy in the loop, every row written to the Reverb server."""

    def __init__(self, env_id: str, environments: int, policy: str, address: str) -> None:
        import torch

        from skill_train.actors.actor import Actor
        from skill_train.actors.vector_env import VectorEnv
        from skill_train.replay.writer import ReverbWriter
        from skill_train.tasks.families import single_task

        torch.set_num_threads(1)
        torch.manual_seed(0)
        envs = VectorEnv(single_task(env_id).make, [0] * environments, seed=0)
        config = agent_config(policy)
        agent, schema = config.build(envs.spec), config.schema(envs.spec, (0,))
        writer = ReverbWriter(schema, address, environments, run_ahead=min(environments, 32))
        self._actor = Actor(envs, agent, writer, seed=0)
        self._steps = 64 * environments

    def run(self, seconds: float) -> Steps:
        return timed(self._some, seconds)

    def _some(self) -> int:
        report = self._actor.run(self._steps)
        if report.blocked or report.environment_failures:
            raise RuntimeError(f"the measurement was disturbed: {report}")
        return report.env_steps


class RLlibRunner:
    """RLlib's SingleAgentEnvRunner with PPO's default module and our hidden sizes."""

    def __init__(self, env_id: str, environments: int) -> None:
        import logging

        import torch
        from ray.rllib.algorithms.ppo import PPOConfig
        from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
        from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner

        logging.getLogger("ray").setLevel(logging.ERROR)
        torch.set_num_threads(1)
        model = DefaultModelConfig(fcnet_hiddens=list(HIDDEN), fcnet_activation="elu")
        config = (
            PPOConfig()
            .environment(env_id)
            .env_runners(num_env_runners=0, num_envs_per_env_runner=environments)
            .rl_module(model_config=model)
        )
        self._runner = SingleAgentEnvRunner(config=config)
        self._steps = 16 * environments

    def run(self, seconds: float) -> Steps:
        return timed(self._some, seconds)

    def _some(self) -> int:
        return sum(len(e) for e in self._runner.sample(num_timesteps=self._steps))


class ReplayServer:
    """The Reverb server that takes the rows of `OurActor`."""

    def __init__(self, env_id: str, policy: str) -> None:
        from skill_train.actors.vector_env import environment_spec
        from skill_train.replay.server import ReverbReplay
        from skill_train.tasks.families import single_task

        spec = environment_spec(single_task(env_id).make(0))
        self._replay = ReverbReplay(agent_config(policy).schema(spec, (0,)))
        self.address = self._replay.address

    def items_inserted(self) -> int:
        return sum(table.inserted for table in self._replay.info().values())


def agent_config(policy: str) -> Any:
    """SVG(0) at the paper's sizes, with the ``hierarchical`` or the ``flat`` policy."""
    from skill_train.skill_agents.hierarchical_kl.defaults import NoDefault, SharedLowLevel
    from skill_train.skill_agents.hierarchical_kl.policies import (
        FlatPolicyConfig,
        HierarchicalPolicyConfig,
    )
    from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0Config

    seen = ("state",)
    sizes = {"critic_groups": seen, "replay_unrolls": 20_000}
    if policy == "flat":
        flat = FlatPolicyConfig(groups=seen, default_groups=seen, sizes=HIDDEN)
        return SVG0Config(policy=flat, default=NoDefault(), **sizes)
    levels = HierarchicalPolicyConfig(high_groups=seen, low_groups=seen)
    return SVG0Config(policy=levels, default=SharedLowLevel(), **sizes)


def timed(some: Callable[[], int], seconds: float) -> Steps:
    """Call ``some``, which returns the number of steps that it took, for about ``seconds``."""
    steps = 0
    started, cpu = time.perf_counter(), time.process_time()
    while (passed := time.perf_counter() - started) < seconds or not steps:
        steps += some()
    return Steps(steps, passed, time.process_time() - cpu)
