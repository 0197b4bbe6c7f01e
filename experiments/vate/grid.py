"""The 5x5 grid with a hidden goal (section 5): VATE, RL2, ablations, and the exact bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from skill_train.experiments.costs import GOAL_GRID_STEPS_PER_SECOND, of_inline_steps
from skill_train.experiments.spec import Experiment
from skill_train.experiments.vate.stage import stage
from skill_train.skill_agents.vate.beliefs import DeterministicBeliefConfig, KnownTaskConfig
from skill_train.skill_agents.vate.model import NoModelConfig, VariationalModelConfig
from skill_train.skill_agents.vate.policy_gradient import A2C
from skill_train.skill_agents.vate.vate import VATEConfig
from skill_train.tasks import goal_grid
from skill_train.tasks.goal_grid_bounds import Bounds

AGENT = VATEConfig(gamma=0.98, reward_scale=0.05, entropy_cost=0.06, model_weight=0.02)
"""VATE's settings, tuned on seeds 100 and 101 in seven short runs; the baselines share them."""

AGENTS: dict[str, tuple[str, VATEConfig]] = {
    "": ("VATE", AGENT),
    "-rl2-10": (
        "RL2, embedding of 10",
        replace(AGENT, belief=DeterministicBeliefConfig(10), model=NoModelConfig()),
    ),
    "-rl2-64": (
        "RL2, embedding of 64",
        replace(AGENT, belief=DeterministicBeliefConfig(64), model=NoModelConfig()),
    ),
    "-past-only": (
        "the decoder explains the past alone",
        replace(AGENT, model=VariationalModelConfig(span="past_only")),
    ),
    "-detached": (
        "no RL gradient into the encoder",
        replace(AGENT, rl_gradient="detached"),
    ),
    "-a2c": (
        "A2C instead of PPO",
        replace(AGENT, optimisation=A2C()),
    ),
    "-oracle": (
        "an agent that knows the goal",
        replace(AGENT, belief=KnownTaskConfig(), model=NoModelConfig()),
    ),
}


ENV_STEPS = 3_000_000


def bounds() -> Mapping[str, tuple[float, ...]]:
    """Exact returns per episode on the grid, all goals equally likely."""
    exact = Bounds()
    return {
        "bayes_optimal": exact.bayes_optimal(),
        "thompson": exact.thompson(),
        "oracle": exact.oracle(),
    }


EXPERIMENTS = tuple(
    Experiment(
        name=f"vate/grid{name}",
        summary=f"5x5 grid, hidden goal, trials of 3 episodes, {title}",
        figure="figure 2",
        bounds=bounds,
        stage=stage(agent, goal_grid.FAMILY.all(), None, ENV_STEPS, evaluations=15),
        cost=of_inline_steps(ENV_STEPS, GOAL_GRID_STEPS_PER_SECOND),
    )
    for name, (title, agent) in AGENTS.items()
)
