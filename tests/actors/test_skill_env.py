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
from skill_train.actors.vector_env import VectorEnv
from skill_train.skill_agents.agent import Acting, ContinuousAction, DiscreteAction
from skill_train.skill_agents.skills import Skills
from skill_train.tasks.asteroids import VectorAsteroidCartPole
from skill_train.tasks.families import single_task
from tests.actors.counting import CountingAgent, CountingEnv

ASTEROIDS = single_task("skill/AsteroidCartPole-v0", episode_steps=60)


class Pushes(Skills):
    """Choice 0 pushes to where the cart drifts, 1 against it, 2 draws lots."""

    action = DiscreteAction(3)

    def __init__(self) -> None:
        self.batches: list[int] = []

    def act(self, observation, choice, generator=None):
        self.batches.append(len(choice))
        drift = (observation["state"][:, 1] > 0).long()
        lots = torch.randint(2, (len(choice),), generator=generator)
        return torch.where(choice == 0, drift, torch.where(choice == 1, 1 - drift, lots))


class Offsets(Skills):
    """A latent of one number; the action is (latent, step of the observation)."""

    action = ContinuousAction((-5.0,), (5.0,))

    def act(self, observation, choice, generator=None):
        return torch.stack([choice[:, 0], observation["count"][:, 2] / 10.0], -1)


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


def test_many_and_one_do_the_same():
    """From the same start by the same choices, until the pole falls."""
    many = SkillEnvironments(BatchedEnv(VectorAsteroidCartPole(2), [0, 0], 0), Pushes(), 0)
    shown = many.reset()
    one = SkillEnv(ASTEROIDS.make(0), Pushes())
    one.reset(seed=0)
    one.unwrapped._one._state[:, 0] = many.envs.env._state[:, 1]
    one._seen = {name: array[1] for name, array in shown.items()}
    terminated = False
    while not terminated:
        seen, reward, terminated, _, _ = one.step(0)
        outcome = many.step(np.zeros(2, np.int64))
        np.testing.assert_allclose(outcome.observation["state"][1], seen["state"], rtol=1e-5)
        assert outcome.reward[1] == reward
        assert (1 in outcome.ended) == terminated


def test_a_continuous_choice_is_a_box():
    env = SkillEnv(CountingEnv(0), Offsets())
    assert env.action_space == gymnasium.spaces.Box(-5.0, 5.0, (1,), np.float32)
    env.reset()
    env.step(np.array([0.5], np.float32))
    np.testing.assert_allclose(env.unwrapped.actions[0], [0.5, 0.0])


def test_skills_need_named_groups():
    with pytest.raises(ValueError, match="named groups"):
        SkillEnv(gymnasium.make("CartPole-v1"), Pushes())


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
