"""Environments whose actions are skills: many at once, one by one, and what they do to a task."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from skill_train.actors.batched_env import BatchedEnv
from skill_train.actors.evaluator import evaluate
from skill_train.actors.make_environments import make_environments
from skill_train.actors.skill_env import SkillEnv, SkillEnvironments
from skill_train.actors.vector_env import VectorEnv, environment_spec
from skill_train.skill_agents.agent import Acting, ContinuousAction, DiscreteAction
from skill_train.skill_agents.hierarchical_kl.policies import HierarchicalPolicyConfig
from skill_train.skill_agents.hierarchical_kl.skills import LowLevelConfig
from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0Config
from skill_train.skill_agents.skills import Skills
from skill_train.tasks.asteroids import VectorAsteroidCartPole
from skill_train.tasks.families import single_task
from tests.actors.counting import CountingAgent, CountingEnv

BALL = single_task("skill/GoToTarget-Ball-v0", episode_steps=20)
ASTEROIDS = single_task("skill/AsteroidCartPole-v0", episode_steps=60)


class Pushes(Skills):
    """Choice 0 pushes to where the cart drifts, 1 against it, 2 draws lots."""

    action, groups = DiscreteAction(3), frozenset({"state"})

    def __init__(self) -> None:
        self.batches: list[int] = []

    def act(self, timestep, choice, state, generator=None):
        self.batches.append(len(choice))
        drift = (timestep.observation["state"][:, 1] > 0).long()
        lots = torch.randint(2, (len(choice),), generator=generator)
        action = torch.where(choice == 0, drift, torch.where(choice == 1, 1 - drift, lots))
        return Acting(action, state, {})

    def draw(self, timestep, state, generator=None):
        return torch.randint(3, (len(timestep.reward),), generator=generator)


class Offsets(Skills):
    """A latent of one number; the action is (latent, step of the observation)."""

    action, groups = ContinuousAction((-0.8,), (0.8,)), frozenset({"count"})

    def act(self, timestep, choice, state, generator=None):
        step = timestep.observation["count"][:, 2] / 10.0
        return Acting(torch.stack([choice[:, 0], step], -1), state, {})

    def draw(self, timestep, state, generator=None):
        return torch.full((len(timestep.reward), 1), 0.5)


class Held(Offsets):
    """Holds a latent for two steps; the action is (latent in force, steps of the episode)."""

    def initial_state(self, batch):
        return {"latent": torch.full((batch, 1), 9.0), "age": torch.full((batch,), 9)}

    def act(self, timestep, choice, state, generator=None):
        age = torch.where(timestep.is_first, 0, state["age"] + 1)
        latent = torch.where(age[:, None] % 2 == 0, choice, state["latent"])
        action = torch.stack([latent[:, 0], age / 10.0], -1)
        return Acting(action, {"latent": latent, "age": age}, {})

    def draw(self, timestep, state, generator=None):
        return torch.where(timestep.is_first[:, None], 0.1, state["latent"] + 0.1)


def test_the_skills_act_by_what_the_environments_show_now():
    inner = VectorEnv(CountingEnv, [0, 1], seed=0)
    envs = SkillEnvironments(inner, Offsets(), seed=0)
    assert envs.spec.action == Offsets.action and inner.spec.action.size == 2
    assert envs.spec.observation == inner.spec.observation
    assert envs.reset()["count"].tolist() == [[0, 0, 0], [1, 0, 0]]
    for step in range(3):
        outcome = envs.step(np.array([[0.25], [-0.5]], np.float32))
        for env, latent in zip(inner.envs, (0.25, -0.5), strict=True):
            np.testing.assert_allclose(env.actions[-1], [latent, step / 10.0])
        assert outcome.reward.tolist() == [step + 1.0, step + 1.0]
    assert outcome.ended == [0, 1] and outcome.discount.tolist() == [0.0, 1.0]
    assert envs.tasks.tolist() == [0, 1] and (envs.size, envs.failures) == (2, 0)
    outcome = envs.step(np.zeros((2, 1), np.float32))
    assert outcome.is_first.all() and outcome.observation["count"][:, 1].tolist() == [1.0, 1.0]
    envs.close()
    assert all(env.closed for env in inner.envs)


@pytest.mark.parametrize("choice", [2.0, -3.0])
def test_choices_are_clipped_to_their_bounds(choice):
    inner, bound = VectorEnv(CountingEnv, [0], seed=0), np.sign(choice) * 0.8
    envs = SkillEnvironments(inner, Offsets(), seed=0)
    envs.reset()
    chosen = np.full((1, 1), choice, np.float32)
    envs.step(chosen)
    one = SkillEnv(CountingEnv(0), Offsets())
    one.reset()
    one.step(chosen[0])
    for env in (inner.envs[0], one.unwrapped):
        np.testing.assert_allclose(env.actions, [[bound, 0.0]])
    assert chosen == choice, "the row that replay gets keeps the choice as it was drawn"


def test_what_skills_remember_ends_with_the_episode():
    """Episodes of 3 steps with a row of no action between them, on which nobody asks the task."""
    inner = VectorEnv(CountingEnv, [0, 1], seed=0)
    envs = SkillEnvironments(inner, Held(), seed=0)
    envs.reset()
    for chosen in np.arange(1, 9, dtype=np.float32) / 10.0:
        envs.step(np.array([[chosen], [-chosen]]))
    expected = [(0.1, 0.0), (0.1, 0.1), (0.3, 0.2), (0.5, 0.0), (0.5, 0.1), (0.7, 0.2)]
    np.testing.assert_allclose(inner.envs[0].actions, expected)
    np.testing.assert_allclose(inner.envs[1].actions, np.array(expected) * [-1.0, 1.0])


def test_an_environment_that_failed_begins_anew():
    inner = VectorEnv(lambda task: CountingEnv(task, 9, {(0, 2): "raise"}), [0], seed=0)
    envs = SkillEnvironments(inner, Held(), seed=0)
    envs.reset()
    for chosen in (0.1, 0.2, 0.3):
        envs.step(np.array([[chosen]], np.float32))
    np.testing.assert_allclose(inner.envs[0].actions, [(0.1, 0.0), (0.1, 0.1), (0.3, 0.0)])


def test_what_waits_remembers_nothing():
    inner = VectorEnv(CountingEnv, [0, 1], seed=0)
    envs = SkillEnvironments(inner, Held(), seed=0)
    envs.reset()
    envs.hold(np.array([False, True]))
    for chosen in (0.1, 0.2, 0.3):
        envs.step(np.array([[chosen], [0.8]], np.float32))
    assert inner.envs[1].actions == []
    shown = envs.hold(np.array([False, False]))
    assert shown["count"][:, 1:].tolist() == [[0.0, 3.0], [0.0, 0.0]]
    for chosen in (0.4, 0.5):
        envs.step(np.array([[chosen], [chosen]], np.float32))
    np.testing.assert_allclose(inner.envs[1].actions, [(0.4, 0.0), (0.4, 0.1)])


def test_nobody_chooses():
    """A draw follows from what the skills remember: here 0.1 more than the latent in force."""
    inner = VectorEnv(CountingEnv, [0], seed=0)
    envs = SkillEnvironments(inner, Held(), seed=0)
    envs.reset()
    for _ in range(7):
        envs.step(envs.draw())
    expected = [(0.1, 0.0), (0.1, 0.1), (0.2, 0.2)]
    np.testing.assert_allclose(inner.envs[0].actions, expected * 2, rtol=1e-6)


@pytest.mark.parametrize("period", [1, 2])
def test_a_low_level_in_two_environments_in_one_and_by_hand(period):
    torch.manual_seed(0)
    spec = environment_spec(CountingEnv(0))
    groups = ("count",)
    agent = SVG0Config(
        HierarchicalPolicyConfig(high_groups=groups, low_groups=groups, low_sizes=(8,)),
        critic_groups=groups,
        latent_period=period,
    ).build(spec)
    skills, low = LowLevelConfig(reach=2.0).build(agent), agent.policy.low
    choices = torch.empty(2, 8, 10).uniform_(-3.0, 3.0)

    inner = VectorEnv(CountingEnv, [0, 1], seed=0)
    many = SkillEnvironments(inner, skills, seed=0)
    many.reset()
    for t in range(8):
        many.step(choices[:, t].numpy())

    for task, chosen in enumerate(choices.clamp(-2.0, 2.0)):
        one, by_hand = SkillEnv(CountingEnv(task), skills), []
        for episode, begins in enumerate((0, 4)):  # row 3 shows the end: nothing is done there
            seen, _ = one.reset()
            for step in range(3):
                assert seen["count"].tolist() == [task, episode, step]
                latent = chosen[begins + step - step % period]
                count = torch.from_numpy(seen["count"])
                by_hand.append(low({"count": count}, latent).mean.detach().clamp(-1.0, 1.0))
                seen, *_ = one.step(chosen[begins + step].numpy())
        expected = torch.stack(by_hand).numpy()
        np.testing.assert_allclose(inner.envs[task].actions, expected, rtol=1e-5, atol=1e-6)
        acted = np.clip(one.unwrapped.actions, -1.0, 1.0)
        np.testing.assert_allclose(acted, expected, rtol=1e-5, atol=1e-6)


def test_one_forward_pass_serves_all_environments():
    skills = Pushes()
    envs = SkillEnvironments(BatchedEnv(VectorAsteroidCartPole(7), [0] * 7, 0), skills, seed=0)
    envs.reset()
    for _ in range(5):
        envs.step(np.zeros(7, np.int64))
    assert skills.batches == [7] * 5


def test_draws_follow_the_seed():
    def played(seed: int) -> np.ndarray:
        inner = BatchedEnv(VectorAsteroidCartPole(3), [0] * 3, 0)
        envs = SkillEnvironments(inner, Pushes(), seed)
        envs.reset()
        return [envs.step(np.full(3, 2)) for _ in range(8)][-1].observation["state"]

    np.testing.assert_array_equal(played(0), played(0))
    assert not np.array_equal(played(0), played(1))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_single_form_is_a_gymnasium_environment():
    env = SkillEnv(ASTEROIDS.make(0), Pushes())
    assert env.action_space == gymnasium.spaces.Discrete(3)
    check_env(env, skip_render_check=True)
    check_env(SkillEnv(BALL.make(0), ball_skills()), skip_render_check=True)


def test_many_and_one_do_the_same():
    """From the same start by the same choices, until the pole falls."""
    many = SkillEnvironments(BatchedEnv(VectorAsteroidCartPole(2), [0, 0], 0), Pushes(), 0)
    shown = many.reset()
    one = SkillEnv(ASTEROIDS.make(0), Pushes())
    one.reset(seed=0)
    one.unwrapped._one._state[:, 0] = many.envs.env._state[:, 1]
    seen = {name: torch.from_numpy(array[1:]) for name, array in shown.items()}
    one._policy.shown = one._policy.shown._replace(observation=seen)
    terminated = False
    while not terminated:
        seen, reward, terminated, _, _ = one.step(0)
        outcome = many.step(np.zeros(2, np.int64))
        np.testing.assert_allclose(outcome.observation["state"][1], seen["state"], rtol=1e-5)
        assert outcome.reward[1] == reward
        assert (1 in outcome.ended) == terminated


def test_a_continuous_choice_is_a_box():
    env = SkillEnv(CountingEnv(0), Offsets())
    assert env.action_space == gymnasium.spaces.Box(-0.8, 0.8, (1,), np.float32)
    env.reset()
    env.step(np.array([0.5], np.float32))
    np.testing.assert_allclose(env.unwrapped.actions[0], [0.5, 0.0])


def test_skills_need_named_groups():
    with pytest.raises(ValueError, match="named groups"):
        SkillEnv(gymnasium.make("CartPole-v1"), Pushes())


def ball_skills() -> Skills:
    torch.manual_seed(0)
    agent = SVG0Config(latent_period=3).build(environment_spec(BALL.make(0)))
    return LowLevelConfig().build(agent)


class AlwaysFirst(CountingAgent):
    def act(self, timestep, state, explore, generator=None):
        return Acting(torch.zeros(len(timestep.task), dtype=torch.int64), state, {})


def test_evaluation_goes_through_skills():
    """Pushing on to where the cart drifts fells the pole in about ten steps."""
    skills = Pushes()

    def make(slots, seed):
        return SkillEnvironments(make_environments(ASTEROIDS, slots, seed), skills, seed)

    result = evaluate(AlwaysFirst(), make, (0,), 6, seed=0, parallel=3)
    assert len(result.episodes) == 6 and {*skills.batches} == {3}
    assert all(8 <= episode.length <= 12 for episode in result.episodes)
