"""N stacked SACs are N single ones: each of its own task, beside the others."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from skill_train.learners.learner import Learner
from skill_train.replay.step import ArraySpec, Step
from skill_train.skill_agents.agent import ContinuousAction, EnvironmentSpec, Timestep
from skill_train.skill_agents.sac.agent import SAC, SACConfig
from skill_train.skill_agents.sac.parts import Critics
from skill_train.skill_agents.sac.temperature import FixedTemperature, LearnedTemperature

TASKS = (0, 2, 3)
"""Those of the batch; task 1 of the family is held out."""
BATCH, UPDATES, ACTION = 5, 4, 2
ONE = EnvironmentSpec({"state": ArraySpec((3,))}, ContinuousAction((-2.0, 0.0), (2.0, 1.0)))
FAMILY = replace(ONE, num_tasks=4)
CONFIG = SACConfig(
    policy_sizes=(6, 5),
    critic_sizes=(7, 4),
    temperature=LearnedTemperature(initial=0.3, nats_per_component=-0.5),
    policy_learning_rate=0.01,
    q_learning_rate=0.02,
    temperature_learning_rate=0.03,
    target_rate=0.1,
)


def stacked(config: SACConfig = CONFIG) -> SAC:
    """In float64, with targets that differ from Q and temperatures that differ by task."""
    torch.manual_seed(0)
    agent = config.build(FAMILY).double()
    with torch.no_grad():
        moved = [*agent.target_q.parameters(), *agent.temperature.parameters()]
        for parameter in moved:
            parameter.add_(0.1 * torch.randn_like(parameter))
    return agent


def networks_of(agent: SAC, task: int) -> dict[str, Tensor]:
    """The parameters of one task's SAC as those of a single one."""
    found = {}
    for name, value in agent.state_dict().items():
        copies = 2 if "q.nets" in name else 1
        found[name] = value[task :: len(value) // copies].clone()
    return found


def single(config: SACConfig, networks: dict[str, Tensor]) -> SAC:
    agent = config.build(ONE).double()
    agent.load_state_dict(networks)
    return agent


def transitions(seed: int) -> Step:
    """Rows ``[2, N, B]``; some of the transitions terminate."""
    torch.manual_seed(seed)
    shape = (2, len(TASKS), BATCH)
    middle, reach = torch.tensor([0.0, 0.5]).double(), torch.tensor([2.0, 0.5]).double()
    return Step(
        observation={"state": torch.randn(*shape, 3).double()},
        action=middle + reach * torch.rand(*shape, 2).double().mul(2.0).sub(1.0),
        reward=torch.randn(shape).double(),
        discount=(torch.rand(shape) < 0.67).double(),
        is_first=torch.zeros(shape, dtype=torch.bool),
        task=torch.tensor(TASKS, dtype=torch.int32)[:, None].expand(shape),
        policy_version=torch.zeros(shape, dtype=torch.int64),
        extras={},
    )


def only(rows: Step, n: int) -> Step:
    """The rows of the batch's task ``n`` for a learner that knows one task, ``[2, 1, B]``."""
    return Step(
        observation={"state": rows.observation["state"][:, n : n + 1]},
        **{
            name: getattr(rows, name)[:, n : n + 1]
            for name in ("action", "reward", "discount", "is_first", "policy_version")
        },
        task=torch.zeros_like(rows.task[:, n : n + 1]),
        extras={},
    )


def learn(agent: SAC, batches: list[Step], noise: Tensor) -> list[dict[str, float]]:
    """Metrics of one update with each batch; ``noise [U, 2, N, B, A]`` is what it draws."""
    learner, found = Learner(agent), []
    drawn = iter(noise.flatten(0, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "randn_like", lambda _: next(drawn))
        for rows in batches:
            learner.update({"transitions": rows})
            found.append(learner.metrics())
    return found


@pytest.mark.parametrize("temperature", [CONFIG.temperature, FixedTemperature(0.3)])
def test_stacked_sacs_learn_what_single_ones_learn(temperature):
    """From the same initial weights, batches and noise; float64, so only rounding differs."""
    config = replace(CONFIG, temperature=temperature)
    together = stacked(config)
    alone = [single(config, networks_of(together, task)) for task in TASKS]
    first = [networks_of(together, task) for task in TASKS]
    batches = [transitions(seed) for seed in range(UPDATES)]
    noise = torch.randn(UPDATES, 2, len(TASKS), BATCH, ACTION).double()
    totals = learn(together, batches, noise)
    each = [
        learn(agent, [only(rows, n) for rows in batches], noise[:, :, n : n + 1])
        for n, agent in enumerate(alone)
    ]
    for step, total in enumerate(totals):
        for name in (f"loss/{group}" for group in together.parameter_groups()):
            assert total[name] == pytest.approx(sum(one[step][name] for one in each), rel=1e-9)
    for n, agent in enumerate(alone):
        ours, theirs = networks_of(together, TASKS[n]), agent.state_dict()
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            torch.testing.assert_close(value, theirs[name], rtol=1e-9, atol=1e-12)
            assert not torch.equal(value, first[n][name]), f"{name} has not learned"


def test_an_update_leaves_a_held_out_task_alone():
    agent = stacked()
    before = networks_of(agent, 1)
    Learner(agent).update({"transitions": transitions(0)})
    after = networks_of(agent, 1)
    assert all(
        torch.equal(after[name], before[name]) for name in before if not name.startswith("target")
    )


@pytest.mark.parametrize("explore", [False, True])
def test_each_environment_is_acted_in_by_its_tasks_policy(explore):
    agent = stacked()
    task, nothing = torch.tensor([3, 0, 3, 1]), torch.zeros(4)
    state = torch.randn(4, 3).double()
    timestep = Timestep({"state": state}, nothing, nothing.bool(), task)
    action = agent.act(timestep, {}, explore, torch.Generator().manual_seed(5)).action
    noise = torch.empty(4, 1, ACTION).double()
    noise.normal_(generator=torch.Generator().manual_seed(5))
    for b, index in enumerate(task.tolist()):
        own = single(CONFIG, networks_of(agent, index)).policy
        policy = own({"state": state[b].reshape(1, 1, 3)}, torch.tensor([0]))
        u = policy.mean + explore * policy.log_std.exp() * noise[b]
        torch.testing.assert_close(action[b], agent.bounds.stretch(torch.tanh(u)).flatten())


def test_every_task_has_a_table_and_one_task_is_one_of_them():
    for spec, tasks in ((ONE, (0,)), (FAMILY, TASKS)):
        schema = CONFIG.schema(spec, tasks)
        assert schema.sources("transitions") == tuple(f"transitions/{task}" for task in tasks)


def test_critics_of_all_tasks_are_the_same_as_those_picked_out():
    torch.manual_seed(0)
    critics = Critics(2, ("state",), (6, 5), FAMILY, ACTION)
    state, u = torch.randn(4, 5, 3), torch.randn(4, 5, ACTION)
    together = critics({"state": state}, torch.arange(4), u)
    assert together.shape == (2, 4, 5)
    for pair in torch.arange(4).split(2):
        picked = critics({"state": state[pair]}, pair, u[pair])
        torch.testing.assert_close(picked, together[:, pair])


def test_an_encoder_that_tasks_would_share_is_refused():
    config = replace(CONFIG, groups=("state/4",))
    with pytest.raises(ValueError, match="4 tasks share nothing, but would share the encoder"):
        config.build(FAMILY)
    assert config.build(ONE).policy.view.size == 4
