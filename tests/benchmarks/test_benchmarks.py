"""Every benchmark runs at tiny sizes and gives the figures its report is made of."""

from __future__ import annotations

from dataclasses import replace

import gymnasium
import numpy as np
import pytest
import torch

from benchmarks.figures import random_actions
from benchmarks.speed import dse_stacked, graphed, learner, throughput, vector_rates
from benchmarks.speed.acting_sides import Steps
from benchmarks.speed.learner_sides import SAVINGS, largest_difference
from skill_train.experiments.hierarchical_kl.quickstart import SMALL_AGENT
from skill_train.replay.reverb_native import available
from skill_train.skill_agents.dse.sac import DSESACConfig
from skill_train.skill_agents.hierarchical_kl.policies import HierarchicalPolicyConfig

needs_reverb = pytest.mark.skipif(not available(), reason="Reverb cannot be loaded here")


@pytest.mark.reverb
@needs_reverb
def test_throughput():
    arguments = "--env Pendulum-v1 --seconds 0.1 --environments 2 --repeats 2 --no-rllib"
    result = throughput.main(arguments.split())
    assert result["steps_per_second"].keys() == {"gymnasium", "ours_hierarchical", "ours_flat"}
    assert all(rate > 0 for rate in result["steps_per_second"].values())
    assert result["ratios"]["ours_flat"]["over_gymnasium"] > 0
    assert all(items > 0 for items in result["items_written"].values())


def test_ratios_are_taken_within_a_round():
    """The second round ran on a machine of a tenth of the speed; the ratio does not see it."""
    rounds = [
        {"gymnasium": Steps(400, 1.0, 1.0), "ours_flat": Steps(300, 1.0, 1.0)}
        | {"ours_hierarchical": Steps(200, 1.0, 1.0)},
        {"gymnasium": Steps(40, 1.0, 1.0), "ours_flat": Steps(30, 1.0, 1.0)}
        | {"ours_hierarchical": Steps(20, 1.0, 1.0)},
    ]
    assert throughput.ratios(rounds, throughput.per_second) == {
        "ours_hierarchical": {"over_gymnasium": 0.5},
        "ours_flat": {"over_gymnasium": 0.75},
    }


def test_learner(monkeypatch):
    # It cannot be taken back, and the tests that follow share this process.
    monkeypatch.setattr(learner, "keep_freed_memory", lambda: True)
    monkeypatch.setattr(learner.torch, "set_num_threads", lambda threads: None)
    arguments = "--seconds 0.01 --repeats 1 --batch-size 4 --cases quickstart"
    (case,) = learner.main(arguments.split())["cases"].values()
    assert case["ours_over"].keys() == {"plain", *(f"ours without {s}" for s in SAVINGS)}
    assert case["updates_per_second"]["ours"] > 0
    assert case["updates_per_second"]["plain, memory returned"] > 0


def test_graphed():
    arguments = "--seconds 0.01 --repeats 1 --cases quickstart --no-compiled"
    (case,) = graphed.main(arguments.split())["cases"].values()
    ways = {"eager", "captured"} if torch.cuda.is_available() else {"eager"}
    assert case["updates_per_second"].keys() == ways
    assert case["over_eager"].keys() == ways - {"eager"}


def test_the_plain_learner_does_the_same_maths():
    """With the same parameters and samples, losses and gradients agree; target networks differ."""
    policy = HierarchicalPolicyConfig(high_sizes=(8,), latent_size=3, low_sizes=(8, 8))
    config = replace(SMALL_AGENT, policy=policy, critic_sizes=(8, 8), kl_cost=0.3)
    apart = largest_difference(config, learner.ANT)
    assert apart["loss"] < 1e-12
    assert apart["gradient"] < 1e-12


@pytest.mark.cluster
@pytest.mark.reverb
@needs_reverb
def test_memory():
    from benchmarks.speed import memory

    result = memory.main(["--actors", "1", "--tiny"])
    assert 0 < result["actor_private_mb"]["median"] < 1_000
    assert result["all_processes_private_mb"] > result["actor_private_mb"]["sum"]
    assert result["env_steps_taken"] > 0
    assert result["startup_seconds"] > 0


def test_vector_rates():
    rates = vector_rates.main(["--environments", "9", "--steps", "50", "--repeats", "1"])
    assert rates.keys() == {"GoalGrid", "PointRobot", "CartPole"}
    assert all(rate > 0 for rate in rates.values())


def test_stacked_critics(monkeypatch):
    # They cannot be taken back, and the tests that follow share this process.
    monkeypatch.setattr(dse_stacked, "keep_freed_memory", lambda: True)
    monkeypatch.setattr(dse_stacked.torch, "set_num_threads", lambda threads: None)
    arguments = "--seconds 0.01 --repeats 2 --grids 2 3 --batch-per-task 4"
    tasks = dse_stacked.main(arguments.split())["tasks"]
    assert tasks.keys() == {4, 9}
    for case in tasks.values():
        assert case["milliseconds"].keys() == {"stacked", "looped"}
        assert len(case["of_each_round"]) == 2 and min(case["of_each_round"]) > 0


@pytest.mark.parametrize(("num_tasks", "num_goals"), [(6, 3), (9, 3)])
def test_the_plain_loop_over_tasks_learns_the_same(num_tasks, num_goals):
    """After three updates from the same parameters with the same noise."""
    config = DSESACConfig(critic_sizes=(7, 6))
    assert dse_stacked.largest_difference(config, num_tasks, num_goals) < 1e-9


class Lasting(gymnasium.Env):
    """Succeeds where ten actions in a row point the same way."""

    observation_space = action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps, self.same = 0, 0.0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.steps, self.same = self.steps + 1, self.same + float(np.sign(action[0]))
        assert self.action_space.contains(action)
        ended = self.steps == 10
        return np.zeros(1, np.float32), 0.0, ended, False, {"success": abs(self.same) == 10}


def test_noise_that_lasts_points_one_way_for_long():
    gymnasium.register("test/Lasting-v0", Lasting)
    arguments = "test/Lasting-v0 --episodes 1000 --correlations 0 0.99"
    rates = random_actions.main(arguments.split())
    assert abs(rates["0.0"] - 2.0**-9) < 0.01  # ten fair coins that agree
    # Signs of neighbours differ with probability arccos(0.99) / pi = 0.045.
    assert 0.6 < rates["0.99"] < 0.85
