"""CartPole in "Disentangled Skill Embeddings": the grid, cells held out, a new task."""

from __future__ import annotations

from dataclasses import replace

from skill_train.experiments.costs import CARTPOLE_STEPS_PER_SECOND, of_inline_steps
from skill_train.experiments.spec import (
    Actors,
    Cost,
    Evaluating,
    Experiment,
    Learning,
    Limits,
    Stage,
)
from skill_train.skill_agents.agent import AgentConfig, Decay
from skill_train.skill_agents.dse.distral import DistralConfig
from skill_train.skill_agents.dse.embeddings import (
    DisentangledConfig,
    NoEmbeddingConfig,
    SingleEmbeddingConfig,
)
from skill_train.skill_agents.dse.policies import IndependentPoliciesConfig, SharedPolicyConfig
from skill_train.skill_agents.dse.reinforce import ReinforceConfig
from skill_train.skill_agents.transfer import Transfer
from skill_train.tasks import cartpole
from skill_train.tasks.families import TaskFamily, TaskSet, Variant, held_out_split

HIDDEN = 32  # table 1 has 2: `PAPER_AGENT`
AGENT = ReinforceConfig(
    policy=SharedPolicyConfig(hidden=HIDDEN),
    embedding=DisentangledConfig(initial_std=0.3),
    policy_learning_rate=0.006,  # table 1: 0.002
    embedding_learning_rate=0.004,  # table 1: 0.002
    max_grad_norm=1.0,
    return_scale_rate=0.1,  # table 1: 0.02
    trials_per_task=8,  # table 1: 4
    decay=Decay(begin=120, end=330),
)
"""Settings that solve the grid in minutes, tuned on seeds from 100 on."""
PAPER_AGENT = ReinforceConfig()
"""Table 1, with the clipped ratio, which the table does not have (see the folder's README)."""
STEPS_PER_TASK = 800_000
"""Environment steps of each task, about 370 updates."""

AGENTS: dict[str, tuple[str, AgentConfig]] = {
    "": ("DSE-REINFORCE", AGENT),
    "-paper": ("DSE-REINFORCE, hyperparameters of table 1", PAPER_AGENT),
    "-single": (
        "one latent for each task",
        replace(AGENT, embedding=SingleEmbeddingConfig(initial_std=0.3)),
    ),
    "-distral": (
        "Distral",
        DistralConfig(
            learning_rate=0.003,  # appendix C.1: 0.0001, tuned with as many runs as DSE's
            max_grad_norm=AGENT.max_grad_norm,
            return_scale_rate=AGENT.return_scale_rate,
            trials_per_task=AGENT.trials_per_task,
            decay=AGENT.decay,
        ),
    ),
    "-independent": (
        "REINFORCE for each task alone",
        replace(
            AGENT, policy=IndependentPoliciesConfig(hidden=HIDDEN), embedding=NoEmbeddingConfig()
        ),
    ),
}
WITH_EMBEDDINGS = ("", "-single")
"""The agents of figure 2: those that have embeddings for a cell that they have not seen."""


def _stage(
    agent: AgentConfig, tasks: TaskSet, steps_per_task: int, held_out: TaskSet | None = None
) -> Stage:
    """A stage with as many environments of each task as there are trials of it in a batch."""
    environments = AGENT.trials_per_task * tasks.num_tasks
    env_steps = steps_per_task * tasks.num_tasks
    return Stage(
        agent=agent,
        tasks=tasks,
        evaluation_tasks=held_out,
        actors=Actors(count=1, environments=environments, steps_per_refresh=25 * environments),
        learning=Learning.on_policy(25 * environments),
        limits=Limits(env_steps=env_steps),
        evaluation=Evaluating(episodes=90, every_env_steps=env_steps // 20, final_episodes=900),
    )


def _cost(tasks: TaskSet, steps_per_task: int) -> Cost:
    return of_inline_steps(steps_per_task * tasks.num_tasks, CARTPOLE_STEPS_PER_SECOND)


def _grid(split: str, figure: str, tasks: TaskSet, held_out: TaskSet | None) -> list[Experiment]:
    return [
        Experiment(
            name=f"dse/cartpole-{split}{name}",
            summary=f"CartPole, 3 masses x 3 goals, {tasks.num_tasks} of 9 to train on, {title}",
            figure=figure,
            stage=_stage(agent, tasks, STEPS_PER_TASK, held_out),
            cost=_cost(tasks, STEPS_PER_TASK),
        )
        for name, (title, agent) in AGENTS.items()
        if held_out is None or name in WITH_EMBEDDINGS
    ]


EVERYTHING = Transfer(copy=("policy", "embedding"))
RETRAINED: dict[str, tuple[str, str, Transfer]] = {
    "-retrain": ("", "everything", EVERYTHING),
    "-retrain-embeddings": ("", "embeddings only", replace(EVERYTHING, freeze=("policy",))),
    "-single-retrain": ("-single", "everything, one latent for each task", EVERYTHING),
}
"""Retraining by name: the variant trained first, the learned part in words, and the transfer."""
RETRAIN_STEPS_PER_TASK = 480_000


def _retrained(split: str, figure: str) -> list[Experiment]:
    """Retraining on held-out tasks, from the embeddings of their indices (section 6.1)."""
    _, held_out = held_out_split(cartpole.GRID, split)
    return [
        Experiment(
            name=f"dse/cartpole-{split}{name}",
            summary=f"CartPole, the {held_out.num_tasks} unseen tasks learned on: {what}",
            figure=figure,
            stage=replace(
                _stage(AGENTS[before][1], held_out, RETRAIN_STEPS_PER_TASK),
                transfer=transfer,
            ),
            cost=_cost(held_out, RETRAIN_STEPS_PER_TASK),
            after=f"dse/cartpole-{split}{before}",
        )
        for name, (before, what, transfer) in RETRAINED.items()
    ]


UNSEEN = TaskFamily(
    cartpole.GRID.env_id,
    dynamics=(Variant("mass=1.75", {"cart_mass": 1.75}),),
    goals=(Variant("goal=-0.5", {"goal": -0.5}),),
)
"""A mass and a goal that are not in the grid (section 6.1)."""


def _unseen() -> Experiment:
    """The experiment that learns new embeddings, from their priors, for the grid's fixed policy."""
    agent = replace(AGENT, embedding=DisentangledConfig(initial_spread=0.0, initial_std=1.0))
    return Experiment(
        name="dse/cartpole-unseen",
        summary="CartPole, a new mass and goal: new embeddings for the policy of the 3x3 grid",
        figure="figure 1, b and c",
        stage=replace(
            _stage(agent, UNSEEN.all(), RETRAIN_STEPS_PER_TASK),
            transfer=Transfer(copy=("policy",), freeze=("policy",)),
        ),
        cost=_cost(UNSEEN.all(), RETRAIN_STEPS_PER_TASK),
        after="dse/cartpole-3x3",
    )


EXPERIMENTS = (
    *_grid("3x3", "figures 1 and 6", cartpole.GRID.all(), None),
    *_grid("6-3", "figure 2, a to d", *held_out_split(cartpole.GRID, "6-3")),
    *_grid("4-5", "figure 2, e to h", *held_out_split(cartpole.GRID, "4-5")),
    *_retrained("6-3", "figure 2, b to d"),
    *_retrained("4-5", "figure 2, f to h"),
    _unseen(),
)
