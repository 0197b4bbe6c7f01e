"""Trained skills under somebody else's learner: RLlib's PPO chooses among those of a DSE run.

    skill-train run dse/cartpole-3x3 --run-dir runs/cartpole
    python examples/skills_elsewhere.py runs/cartpole

To RLlib it is a Gymnasium environment with five discrete actions, each of which the trained policy
carries out: anything that learns in Gymnasium environments could stand in its place.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import gymnasium
from ray.rllib.algorithms.ppo import PPOConfig
from ray.tune.registry import register_env

from skill_train.actors.skill_env import SkillEnv
from skill_train.cluster.over_ray.ray_session import ray_session
from skill_train.cluster.show import trained
from skill_train.cluster.store.run_dir import RunDir
from skill_train.skill_agents.dse.skills import LatentPointsConfig
from skill_train.skill_agents.skills import Skills


def skills_of(run: str) -> Skills:
    """A choice among the carts' goals, and places between them, at the middle one of the masses."""
    _, agent, _ = trained.load(RunDir.open(run))
    return LatentPointsConfig(dynamics=1).build(agent)


def make_env(skills: Skills) -> gymnasium.Env[Any, Any]:
    """A new task, asteroids that fall on the cart, whose actions are the skills."""
    env = SkillEnv(gymnasium.make("skill/AsteroidCartPole-v0", asteroids=1), skills)
    return gymnasium.wrappers.FlattenObservation(env)


def train(run: str, iterations: int, steps: int = 4_000) -> list[float]:
    """Mean return of an episode in each of PPO's iterations of so many steps."""
    skills = skills_of(run)

    def make(config: Mapping[str, Any]) -> gymnasium.Env[Any, Any]:
        return make_env(skills)

    register_env("asteroids-by-skills", make)
    config = (
        PPOConfig()
        .environment("asteroids-by-skills")
        .env_runners(num_env_runners=0, num_envs_per_env_runner=1)
        .training(train_batch_size_per_learner=steps, minibatch_size=steps // 4, num_epochs=4)
    )
    with ray_session(None, cpus=1):
        ppo = config.build_algo()
        returns = []
        for iteration in range(iterations):
            returns.append(ppo.train()["env_runners"]["episode_return_mean"])
            print(f"iteration {iteration + 1}: mean return {returns[-1]:.4g}", flush=True)
        ppo.stop()
    return returns


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="a finished run of dse/cartpole-3x3")
    parser.add_argument("--iterations", type=int, default=20)
    arguments = parser.parse_args()
    train(arguments.run, arguments.iterations)
