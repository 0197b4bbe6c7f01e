"""Experiments of "Variational Task Embeddings for Fast Adaptation in Deep RL" (VATE)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from experiments.spec import Actors, Evaluating, Experiment, Learning, Limits, Stage
from skill_agents.vate.beliefs import DeterministicBeliefConfig, KnownTaskConfig
from skill_agents.vate.model import NoModelConfig, VariationalModelConfig
from skill_agents.vate.policy_gradient import A2C
from skill_agents.vate.vate import VATEConfig
from tasks import goal_grid
from tasks.goal_grid_bounds import Bounds

GRID_AGENT = VATEConfig(gamma=0.98, reward_scale=0.05, entropy_cost=0.06)
"""Tuned with VATE on seed 100 in four short runs; the baselines got the same."""

GRID_AGENTS: dict[str, tuple[str, VATEConfig]] = {
    "": ("VATE", GRID_AGENT),
    "-rl2-10": (
        "RL2, embedding of 10",
        replace(GRID_AGENT, belief=DeterministicBeliefConfig(10), model=NoModelConfig()),
    ),
    "-rl2-64": (
        "RL2, embedding of 64",
        replace(GRID_AGENT, belief=DeterministicBeliefConfig(64), model=NoModelConfig()),
    ),
    "-past-only": (
        "the decoder explains the past alone",
        replace(GRID_AGENT, model=VariationalModelConfig(span="past_only")),
    ),
    "-detached": (
        "no RL gradient into the encoder",
        replace(GRID_AGENT, rl_gradient="detached"),
    ),
    "-a2c": (
        "A2C instead of PPO",
        replace(GRID_AGENT, optimisation=A2C()),
    ),
    "-oracle": (
        "an agent that is told the goal",
        replace(GRID_AGENT, belief=KnownTaskConfig(), model=NoModelConfig()),
    ),
}


def grid_bounds() -> Mapping[str, tuple[float, ...]]:
    """Exact returns per episode on the grid, all goals equally likely."""
    exact = Bounds()
    return {
        "bayes_optimal": exact.bayes_optimal(),
        "thompson": exact.thompson(),
        "oracle": exact.oracle(),
    }


def tiny(stage: Stage) -> Stage:
    """Seconds of the same: the batches are a twelfth."""
    agent = stage.agent
    assert isinstance(agent, VATEConfig)
    environments = stage.tasks.num_tasks
    model = agent.model
    if isinstance(model, VariationalModelConfig):
        model = replace(model, batch_size=4, buffer_trials=200)
    return replace(
        stage,
        agent=replace(agent, trials_per_update=environments, model=model),
        actors=Actors(count=1, environments=environments, steps_per_refresh=environments),
        learning=replace(stage.learning, inline_env_steps=2 * environments),
        evaluation=Evaluating(episodes=4, every_env_steps=2_000, final_episodes=4),
        limits=Limits(env_steps=4_000),
    )


def _grid() -> list[Experiment]:
    tasks = goal_grid.FAMILY.all()
    environments = GRID_AGENT.trials_per_update
    return [
        Experiment(
            name=f"vate/grid{name}",
            summary=f"5x5 grid, hidden goal, trials of 3 episodes, {title}",
            figure="figure 2",
            bounds=grid_bounds,
            stage=Stage(
                agent=agent,
                tasks=tasks,
                actors=Actors(
                    count=1, environments=environments, steps_per_refresh=2 * environments
                ),
                # A batch is one trial of every environment: learn from it as soon as it is there.
                learning=Learning(
                    seconds_per_publish=0.1,
                    updates_per_publish=1,
                    inline_env_steps=2 * environments,
                    inline_updates=1,
                ),
                limits=Limits(env_steps=4_000_000),
                evaluation=Evaluating(
                    episodes=tasks.num_tasks,
                    every_env_steps=200_000,
                    final_episodes=tasks.num_tasks,
                ),
            ),
            tiny=tiny,
        )
        for name, (title, agent) in GRID_AGENTS.items()
    ]


EXPERIMENTS = (*_grid(),)
