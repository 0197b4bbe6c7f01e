"""SAC on any environment of Gymnasium's: which ones it takes, what it sees, how it acts."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

from skill_train.cluster import launch
from skill_train.cluster.errors import RunError
from skill_train.cluster.plan import planning
from skill_train.cluster.plan.build import Plan
from skill_train.skill_agents.agent import Timestep
from skill_train.tasks.families import GymnasiumTask, TaskFamily

IMAGE = spaces.Box(0, 255, (8, 8, 3), np.uint8)
ONE = spaces.Box(-1.0, 1.0, (1,))
MIXED = spaces.Dict({"b": spaces.Box(-1, 1, (2, 3)), "a": spaces.Box(-1, 1, ()), "camera": IMAGE})
UNBOUNDED = spaces.Box(-np.inf, np.inf, (1,))


class Still(gymnasium.Env):
    """Shows and takes what its spaces say, and does nothing."""

    def __init__(self, sees: gymnasium.Space, acts: gymnasium.Space) -> None:
        self.observation_space, self.action_space = sees, acts

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        return self.observation_space.sample(), 0.0, False, False, {}


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    for name, sees, acts in (
        ("Pixels", IMAGE, ONE),
        ("Mixed", MIXED, ONE),
        ("Unbounded", ONE, UNBOUNDED),
        ("Lopsided", ONE, spaces.Box(np.float32([0.0, -3.0]), np.float32([10.0, -1.0]))),
    ):
        kwargs = {"sees": sees, "acts": acts}
        gymnasium.register(f"still/{name}-v0", entry_point=Still, kwargs=kwargs)
    yield
    for env_id in [one for one in gymnasium.registry if one.startswith("still/")]:
        del gymnasium.registry[env_id]


def plan(env_id: str, *changes: str) -> Plan:
    stage = planning.stage_for("sac/gymnasium", ["--tasks.env-id", env_id, *changes], tiny=True)
    return planning.plan_for(stage, 0)


@pytest.mark.parametrize(
    ("env_id", "sentence"),
    [
        ("CartPole-v1", "needs continuous actions, not DiscreteAction.count=2."),
        ("FrozenLake-v1", "observation 'state' is Discrete.16.; every group must be a Box"),
        ("still/Pixels-v0", "shows pixels alone .state., .* such as state/256"),
        ("still/Unbounded-v0", "needs actions with finite bounds"),
        ("Pendulumm-v1", "Environment `Pendulumm` doesn't exist. Did you mean: `Pendulum`?"),
    ],
)
def test_what_it_does_not_take_is_one_sentence(env_id: str, sentence: str) -> None:
    with pytest.raises(RunError, match=sentence) as refused:
        plan(env_id)
    assert "\n" not in str(refused.value)


def test_it_sees_every_group_of_floats() -> None:
    mixed = plan("still/Mixed-v0")
    agent = mixed.agent("learner")
    assert agent.policy.view.names == ("a", "b")
    assert agent.policy.view.size == 1 + 6
    pixels = plan("still/Pixels-v0", "--agent.groups", "state/16").agent("learner")
    assert pixels.policy.view.size == 16, "pixels where they are asked for"


@pytest.mark.parametrize(
    ("env_id", "low", "high"),
    [("Pendulum-v1", [-2.0], [2.0]), ("still/Lopsided-v0", [0.0, -3.0], [10.0, -1.0])],
)
def test_actions_fill_the_bounds_of_the_task(
    env_id: str, low: list[float], high: list[float]
) -> None:
    made = plan(env_id)
    agent = made.agent("learner")
    shape = made.spec.observation["state"].shape
    zeros = torch.zeros(4_000)
    timestep = Timestep({"state": torch.randn(4_000, *shape)}, zeros, zeros.bool(), zeros.long())
    action = agent.act(timestep, {}, explore=True, generator=torch.Generator()).action
    least, most = torch.tensor(low), torch.tensor(high)
    share = (action - least) / (most - least)
    assert ((share >= 0) & (share <= 1)).all()
    assert ((share.amin(0) < 0.05) & (share.amax(0) > 0.95)).all()


def test_it_runs_on_mujoco(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warnings there
    changes = ["tasks.env-id=HalfCheetah-v5", "limits.env-steps=100", "evaluation.final-episodes=1"]
    path = tmp_path / "run"
    run, results = launch.start(
        "sac/gymnasium", changes, 0, path, tiny=True, inline=True, address=None
    )
    assert results["learner_steps"] > 0
    assert run.config.resolved["tasks"] == {"type": "GymnasiumTask", "env_id": "HalfCheetah-v5"}
    assert planning.plan_of(run).spec.observation["state"].shape == (17,)


def test_the_task_of_an_id() -> None:
    task = GymnasiumTask("Pendulum-v1")
    assert (task.family, task.tasks) == (TaskFamily("Pendulum-v1"), (0,))
    assert pickle.loads(pickle.dumps(task)) == task
    assert pickle.loads(pickle.dumps(task)).names == ("Pendulum-v1",)
    assert GymnasiumTask("CartPole-v1").make_batch([0, 0]) is None, "their arrays have no limit"
    assert GymnasiumTask("CartPole-v1").make(0).spec.max_episode_steps == 500
