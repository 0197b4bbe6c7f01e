"""Presets have the hyperparameters of appendix G and the information of table 1, read off anew."""

from __future__ import annotations

import pytest

from skill_train.experiments.hierarchical_kl.baselines import baselines
from skill_train.experiments.registry import EXPERIMENTS
from skill_train.skill_agents.hierarchical_kl.action_head import ActionHead
from skill_train.skill_agents.hierarchical_kl.policies import HierarchicalPolicyConfig
from skill_train.skill_agents.hierarchical_kl.priors import AR1Config
from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0Config


def stage(name: str):
    return EXPERIMENTS[f"hierarchical_kl/{name}"].stage


def agent(name: str) -> SVG0Config:
    return stage(name).agent


def high(name: str) -> tuple[int, ...]:
    """As the paper writes it: hidden sizes, then the latent."""
    policy = agent(name).policy
    return (*policy.high_sizes, policy.latent_size)


def test_defaults_of_g1():
    c = agent("ant-go-to-target")
    assert (c.actor_learning_rate, c.critic_learning_rate) == (1e-4, 1e-4)
    assert c.target_update_period == 100
    assert c.critic_sizes == (400, 300)
    assert (high("ant-go-to-target"), c.policy.low_sizes) == ((200, 10), (200, 100))
    assert (c.batch_size, c.unroll_length) == (512, 10)
    assert (c.entropy_cost, c.kl_cost) == (1e-4, 1e-3)
    assert stage("ant-go-to-target").actors.count == 32
    distral = agent("ant-go-to-target-distral")
    assert distral.policy.sizes == distral.policy.default_sizes == (200, 100)
    assert (distral.default_learning_rate, distral.kl_cost) == (5e-4, 1e-2)


@pytest.mark.parametrize(
    ("name", "kl_cost", "entropy_cost"),
    [
        ("ant-move-box-easy", 1e-4, 0.0),
        ("ant-move-box-easy-isotropic", 1e-3, 0.0),
        ("ant-move-box-easy-ar-learned", 1e-3, 1e-3),
        ("ant-move-box-easy-svg0", 1e-3, 1e-3),
        ("ant-move-box-easy-separate", 1e-4, 0.0),
        ("ant-move-box-easy-distral", 1e-2, 1e-3),
        ("ant-move-box-easy-distral-2-columns", 1e-2, 1e-3),
        ("ant-move-box-easy-distral-shared-prior", 1e-2, 1e-3),
        ("ant-move-box-easy-agnostic", 1e-4, 0.0),
        ("ant-go-to-target-distral", 1e-2, 0.0),
        ("ant-go-to-target-distral-2-columns", 1e-2, 0.0),
        ("ant-go-to-target-distral-shared-prior", 1e-2, 0.0),
        ("transfer-ant-move-box-easy-to-move-box-mid-ar-learned", 1e-2, 1e-4),
        ("transfer-ball-to-ant-go-to-target", 1e-3, 1e-4),
        ("transfer-ball-to-ant-move-box-easy", 1e-5, 1e-4),
        ("transfer-ant-to-quadruped-move-box-easy", 1e-2, 1e-5),
        ("transfer-ant-to-quadruped-move-box-easy-no-kl", 0.0, 1e-5),
    ],
)
def test_costs_of_g2(name, kl_cost, entropy_cost):
    assert (agent(name).kl_cost, agent(name).entropy_cost) == (kl_cost, entropy_cost)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("ball-move-box-hard", (200, 10)),
        ("ball-move-box-hard-ar-learned", (200, 4)),
        ("transfer-ant-move-box-easy-to-move-box-mid", (200, 10)),
        ("transfer-ant-move-box-easy-to-move-box-mid-isotropic", (200, 4)),
        ("transfer-ball-move-box-hard-to-gather-ar-learned", (200, 4)),
        ("transfer-ball-to-ant-go-to-target-from-scratch", (100, 4)),
        ("transfer-ball-to-ant-move-box-easy-from-scratch", (100, 4)),
        ("transfer-ant-to-quadruped-go-to-target-from-scratch", (20,)),
    ],
)
def test_sizes_of_g2(name, sizes):
    assert high(name) == sizes


def test_correlations_and_rates_of_g2():
    assert agent("ant-go-to-target").default.prior == AR1Config(0.95)
    assert agent("ant-move-box-easy").default.prior == AR1Config(0.9)
    assert agent("ant-move-box-mid").default.prior == AR1Config(0.9)
    assert agent("transfer-ball-move-box-hard-to-gather-distral").actor_learning_rate == 5e-4


@pytest.mark.parametrize(
    ("name", "correlation"),
    [
        ("ball-move-box-easy-small", 0.9),
        ("ball-move-box-mid-small", 0.9),
        ("transfer-ball-move-box-easy-to-move-box-mid-small", 0.9),
        ("ant-gap-small", 0.95),
        ("ball-go-to-target-agnostic-small", 0.95),
    ],
)
def test_small_agents_have_the_correlation_of_g2_too(name, correlation):
    assert agent(name).default.prior == AR1Config(correlation)


def test_baselines_have_every_setting_of_actions_from_the_agent():
    head = ActionHead(initial_std=0.6, minimum_std=0.3, mean_limit=1.5)
    base = SVG0Config(policy=HierarchicalPolicyConfig(action_head=head), entropy_cost=0.0)
    for name, one in baselines(base).items():
        assert (one.policy.action_head, one.entropy_cost) == (head, 0.0), name


def test_boxes_are_moved_by_the_hierarchy_and_distral_alike():
    for name in ("ball-move-box-easy", "transfer-ball-move-box-easy-to-move-box-mid"):
        ours, theirs = agent(f"{name}-small"), agent(f"{name}-distral-small")
        assert ours.policy.action_head == theirs.policy.action_head == ActionHead(0.7, 0.2, 2.0)
        assert ours.entropy_cost == theirs.entropy_cost == 0.0
        assert ours.action_noise_correlation == theirs.action_noise_correlation == 0.98


@pytest.mark.parametrize(
    ("name", "low"),
    [
        ("ant-go-to-target", ()),
        ("ant-move-box-easy", ("objects/50",)),
        ("ball-move-box-hard", ("objects/100/20",)),
        ("ant-box-or-target-proprioception", ()),
        ("ant-box-or-target", ("objects/50",)),
        ("ball-gather", ("objects/100/20",)),
        ("transfer-ball-to-ant-move-box-easy", ()),
    ],
)
def test_what_low_levels_see(name, low):
    assert agent(name).policy.low_groups == ("proprioception", *low)


def test_high_levels_that_see_pixels_have_the_embedding_of_g2():
    name = "ant-to-quadruped-go-to-target-vision"
    for one in ("ant-go-to-target-vision-agnostic", f"transfer-{name}", f"transfer-{name}-no-kl"):
        assert agent(one).policy.high_groups == ("pixels/256",)
        assert agent(one).critic_groups == ("proprioception", "pixels/256")


def test_what_drives_another_body_sees_nothing_of_a_body():
    moved = [e for e in EXPERIMENTS.values() if e.after and EXPERIMENTS[e.after].body != e.body]
    # With and without KL reward: five continuous pairs, a grid body and a small pair; 4-step with.
    assert len(moved) == 2 * (5 + 1 + 1) + 1
    for experiment in moved:
        before = EXPERIMENTS[experiment.after].stage
        for one in (experiment.stage, before):
            assert "proprioception" not in one.agent.policy.high_groups
            assert one.agent.policy.low_groups == ("proprioception",)
        assert before.agent.policy.high_groups == experiment.stage.agent.policy.high_groups
        assert "policy.high" in experiment.stage.transfer.freeze


def test_every_preset_serves_a_figure():
    ours = [e for e in EXPERIMENTS.values() if e.paper == "hierarchical_kl"]
    assert [e.name for e in ours if not e.figure] == []


def test_every_pair_of_the_paper_is_there():
    pairs = {
        (EXPERIMENTS[e.after].stage.tasks.family.env_id, e.stage.tasks.family.env_id)
        for e in EXPERIMENTS.values()
        if e.paper == "hierarchical_kl" and e.stage.transfer is not None
    }
    wanted = {
        ("MoveBoxEasy-Ant", "MoveBoxMid-Ant"),
        ("MoveBoxEasy-Ball", "MoveBoxMid-Ball"),
        ("MoveBoxHard-Ball", "Gather-Ball"),
        ("GoToTarget-Ant", "Gap-Ant"),
        ("MoveBoxOrGoToTarget-Ant", "MoveBoxAndGoToTarget-Ant"),
        ("GoToTarget-Ball", "GoToTarget-Ant"),
        ("MoveBoxEasy-Ball", "MoveBoxEasy-Ant"),
        ("GoToTarget-Ant", "GoToTarget-Quadruped"),
        ("MoveBoxEasy-Ant", "MoveBoxEasy-Quadruped"),
        ("GoToTarget-Ant-Vision", "GoToTarget-Quadruped-Vision"),
        ("Grid-1step", "Grid-4step"),
        ("Grid-1step", "Grid-8step"),
    }
    assert {(f"skill/{a}-v0", f"skill/{b}-v0") for a, b in wanted} <= pairs


def test_what_is_learned_from_once_costs_a_step_for_each():
    """200,000 updates of 512 unrolls of 10 steps, at the ant's 3,500 steps a second."""
    cost = EXPERIMENTS["hierarchical_kl/ant-go-to-target-quasi-on-policy"].cost
    assert cost.env_steps == 1_024_000_000
    assert cost.hours == pytest.approx(81.3, abs=0.1)


def test_the_grid_holds_latents_for_as_many_steps_as_a_cell_takes():
    for n in (1, 4, 8):
        assert agent(f"grid-{n}step").latent_period == n
    for n in (4, 8):
        assert agent(f"grid-body-transfer-{n}step").latent_period == n
