"""Gymnasium's checker accepts every registered environment, whether or not it has tests here."""

from __future__ import annotations

import inspect

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import OrderEnforcing

import skill_train.tasks  # noqa: F401

IDS = sorted(id for id in gymnasium.registry if id.startswith("skill/"))
RENDERED = {gymnasium.spec(id).entry_point: id for id in IDS}.values()
"""One id of each class: a picture takes ten times as long as the rest of the check."""

AS_ARRAYS = [id for id in IDS if gymnasium.spec(id).vector_entry_point]


pytestmark = pytest.mark.filterwarnings(
    "error::UserWarning",  # what the checker only advises
    "ignore:.*A Box observation space .* infinit:UserWarning",
    "ignore:.*A Box observation space .* -infinity:UserWarning",
    "ignore:.*is different from the unwrapped version:UserWarning",  # a trial wraps its task
)


def check(id: str, **kwargs) -> None:
    made = gymnasium.make(id, disable_env_checker=True, render_mode="rgb_array", **kwargs)
    assert isinstance(made, OrderEnforcing)
    check_env(made.env, skip_render_check=id not in RENDERED)
    made.close()


@pytest.mark.parametrize("id", IDS)
def test_gymnasiums_checker_accepts_it(id: str) -> None:
    check(id)


def test_gymnasiums_checker_accepts_more_asteroids() -> None:
    check("skill/AsteroidCartPole-v0", asteroids=2)


@pytest.mark.parametrize("id", AS_ARRAYS)
def test_its_form_as_arrays_takes_what_one_environment_takes(id: str) -> None:
    """Whatever does not vary among the tasks of a family is given once, for all environments."""
    one = gymnasium.make(id, disable_env_checker=True)
    parameters = inspect.signature(type(one.unwrapped)).parameters.values()
    given = {p.name: p.default for p in parameters if p.name != "render_mode"}
    for arguments in ({}, given):
        many = gymnasium.make_vec(
            id, num_envs=3, vectorization_mode="vector_entry_point", **arguments
        )
        assert many.single_observation_space == one.observation_space
        assert many.single_action_space == one.action_space
        many.reset(seed=0)
        _, reward, *_ = many.step(many.action_space.sample())
        assert reward.shape == (3,)
