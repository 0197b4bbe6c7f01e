"""A default policy with latent variables: eq. 15 bounds what it should, and trains whom it should.

The exact side is a linear-Gaussian model, where NumPy's matrices say everything::

    y_1 ~ N(0, 1),  y_t = R y_{t-1} + sqrt(1 - R^2) e,   a_t = W y_t + S u

so that a is N(0, W^2 C + S^2 I) with C_ij = R^|i - j|, and y given a is Gaussian as well.
"""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from skill_train.experiments.hierarchical_kl.latent_prior import LATENT_SPACE_KEPT
from skill_train.learners.learner import Learner
from skill_train.replay.step import Step
from skill_train.skill_agents.hierarchical_kl.defaults import SharedLowLevel
from skill_train.skill_agents.hierarchical_kl.inference import Inference
from skill_train.skill_agents.hierarchical_kl.latent_prior import (
    LatentVariableDefault,
    LatentVariableKL,
)
from skill_train.skill_agents.hierarchical_kl.policies import (
    Decision,
    FlatPolicyConfig,
    HierarchicalPolicyConfig,
)
from skill_train.skill_agents.hierarchical_kl.priors import AR1, LearnedARConfig
from skill_train.skill_agents.hierarchical_kl.recurrent_prior import RecurrentDefault
from skill_train.skill_agents.nets.gaussian import Gaussian
from tests.skill_agents.hierarchical_kl.test_gradients import flat, gradient_size
from tests.skill_agents.hierarchical_kl.unrolls import (
    DRIVEN,
    STEPPED,
    changed,
    losses,
    random_unrolls,
    svg0,
    vtrace_agent,
)

R, W, S = 0.8, 1.3, 0.5
MEANS = np.array([1.0, -0.4, 0.7])
"""Of the policy, which are also the actions that the posterior looks at."""
STEPS, DRAWS = len(MEANS), 40_000
COVARIANCE = R ** np.abs(np.subtract.outer(np.arange(STEPS), np.arange(STEPS)))


class Emission(torch.nn.Module):
    """pi0(a | y)."""

    def forward(self, observation, latent):
        return Gaussian(W * latent, torch.full_like(latent, S))


class Chain(torch.nn.Module):
    """A Gaussian over y_1..y_T, drawn as f(y_t | y_{t-1}) one step at a time."""

    def __init__(self, mean: np.ndarray, covariance: np.ndarray) -> None:
        super().__init__()
        self.mean, self.covariance = mean, covariance

    def forward(self, rows):
        shape = (*rows.is_first.shape, 1)
        noise, y = torch.randn(shape, dtype=torch.float64), torch.zeros(shape[1:])
        means, stds, latents = [], [], []
        for t in range(STEPS):
            mean, variance = self.mean[t] + 0.0 * y, self.covariance[t, t]
            if t:  # Markov, as every posterior of this model is
                gain = self.covariance[t, t - 1] / self.covariance[t - 1, t - 1]
                mean = mean + gain * (y - self.mean[t - 1])
                variance = variance - gain * self.covariance[t, t - 1]
            y = mean + variance**0.5 * noise[t]
            means.append(mean)
            stds.append(torch.full_like(mean, variance**0.5))
            latents.append(y)
        return Gaussian(torch.stack(means), torch.stack(stds)), torch.stack(latents)


def posterior() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and covariance of y given a = `MEANS`, and the gain from a to that mean."""
    gain = W * COVARIANCE @ np.linalg.inv(W**2 * COVARIANCE + S**2 * np.eye(STEPS))
    return gain @ MEANS, COVARIANCE - gain @ (W * COVARIANCE), gain


def bound(chain: torch.nn.Module, std: float) -> tuple[float, float]:
    """Sum of KL_t over the steps, mean over draws of y; and its standard error."""
    torch.manual_seed(0)
    first = torch.zeros(STEPS, DRAWS, dtype=torch.bool)
    first[0] = True
    rows = Step({}, first, first, first, first, first, first, {})
    mean = torch.from_numpy(MEANS).reshape(-1, 1, 1).expand(STEPS, DRAWS, 1)
    pi = Gaussian(mean, torch.full_like(mean, std))
    empty = mean[..., :0]
    default_policy = LatentVariableKL(AR1(R), Emission(), chain, latent_size=1)
    total = default_policy.kl(Decision(empty, Gaussian(empty, empty), pi), rows, None).sum(0)
    return float(total.mean()), float(total.std()) / DRAWS**0.5


def exact(std: float) -> float:
    """KL of the policy's actions from the default policy's, N(MEANS, std^2 I) from N(0, P)."""
    p = W**2 * COVARIANCE + S**2 * np.eye(STEPS)
    inverse = np.linalg.inv(p)
    log_ratio = np.linalg.slogdet(p)[1] - STEPS * np.log(std**2)
    return 0.5 * (std**2 * np.trace(inverse) + MEANS @ inverse @ MEANS - STEPS + log_ratio)


@pytest.mark.parametrize("std", [0.05, 0.4, 1.0])
def test_with_the_exact_posterior_the_gap_is_what_the_actions_spread_adds(std):
    """f knows y given the policy's mean, not its action: the gap is the mean of
    KL(p(y | mean) || p(y | a)), which only the shift of the posterior's mean makes.
    """
    mean, covariance, gain = posterior()
    found, error = bound(Chain(mean, covariance), std)
    gap = 0.5 * std**2 * np.trace(gain.T @ np.linalg.inv(covariance) @ gain)
    assert found == pytest.approx(exact(std) + gap, abs=5 * error)
    assert error < 0.02


@pytest.mark.parametrize(
    "chain",
    [
        Chain(np.zeros(STEPS), COVARIANCE),
        Chain(MEANS / W, 0.1 * np.eye(STEPS)),
        Chain(-MEANS, 0.5 * COVARIANCE),
    ],
    ids=["the prior", "each step alone", "wrong"],
)
@pytest.mark.parametrize("std", [0.05, 0.4, 1.0])
def test_whatever_f_is_the_bound_is_above_the_divergence(chain, std):
    found, error = bound(chain, std)
    assert found > exact(std) + 5 * error


def test_the_evidence_is_never_above_the_log_likelihood():
    """With a policy that is all but certain of its actions, -KL - H[pi] is the ELBO at them."""
    std = 1e-3
    entropy = STEPS * 0.5 * np.log(2 * np.pi * np.e * std**2)
    p = W**2 * COVARIANCE + S**2 * np.eye(STEPS)
    log_likelihood = -0.5 * (
        STEPS * np.log(2 * np.pi) + np.linalg.slogdet(p)[1] + MEANS @ np.linalg.solve(p, MEANS)
    )
    tight, error = bound(Chain(*posterior()[:2]), std)
    assert -tight - entropy == pytest.approx(log_likelihood, abs=5 * error + 1e-4)
    loose, error = bound(Chain(np.zeros(STEPS), COVARIANCE), std)
    assert -loose - entropy < log_likelihood - 5 * error


FLAT = FlatPolicyConfig(sizes=(8,), default_sizes=(6,))
LATENT = LatentVariableDefault(LearnedARConfig(sizes=(5,)), latent_size=3, inference_hidden=7)
CONFIG = dict(policy=FLAT, default=LATENT)
AGENTS = {"svg0": (svg0, DRIVEN), "vtrace": (vtrace_agent, STEPPED)}
PARTS = ("prior", "default", "inference")


@pytest.mark.parametrize("name", AGENTS)
def test_prior_emission_and_inference_learn_by_distillation_and_by_nothing_else(name):
    make, spec = AGENTS[name]
    agent = make(**CONFIG)
    result = losses(agent, random_unrolls(0, spec).rows)
    assert gradient_size(result["default_policy"], agent.policy) == 0
    assert gradient_size(result["critic"], agent.default_policy) == 0
    assert gradient_size(result["policy"], agent.policy) > 0
    for part in PARTS:
        module = getattr(agent.default_policy.low, part)
        assert gradient_size(result["default_policy"], module) > 0
        if name == "svg0":  # V-trace has no target copies; there the learner tells groups apart
            assert gradient_size(result["policy"], module) == 0


@pytest.mark.parametrize("group", ["policy", "critic", "default_policy"])
@pytest.mark.parametrize("name", AGENTS)
def test_through_the_learner_a_loss_moves_its_own_group_only(name, group, monkeypatch):
    make, spec = AGENTS[name]
    agent = make(**CONFIG)
    before, whole = copy.deepcopy(agent), agent.losses

    def only_one(batch):
        every, metrics = whole(batch)
        return {k: v * float(k == group) for k, v in every.items()}, metrics

    monkeypatch.setattr(agent, "losses", only_one)
    Learner(agent).update({"unrolls": random_unrolls(0, spec, steps=4).rows})
    owned = {"policy": "policy", "critic": "critic"} | {
        f"default_policy.low.{part}": "default_policy" for part in PARTS
    }
    for part, owner in owned.items():
        moved = not torch.equal(flat(agent.get_submodule(part)), flat(before.get_submodule(part)))
        assert moved == (owner == group), part


def test_the_policy_cannot_lower_the_latents_part_of_its_cost():
    """KL_t's second term is no function of pi: without the first, no gradient reaches it."""
    agent = svg0(**CONFIG, entropy_cost=0.0)
    rows = random_unrolls(0, DRIVEN).rows
    d = agent.policy(rows.observation, torch.zeros(*rows.reward.shape, 0), None)
    torch.manual_seed(0)
    kl = agent.default_policy.kl(d, rows, None)
    torch.manual_seed(0)
    latent = agent.default_policy.low.inference(rows)[1]
    default = agent.default_policy.low.default(rows.observation, latent)
    of_latents = kl - torch.distributions.kl_divergence(
        torch.distributions.Normal(*d.low), torch.distributions.Normal(*default)
    ).sum(-1)
    assert (of_latents >= -1e-9).all() and (of_latents > 1e-3).any()
    assert gradient_size(of_latents.sum(), agent.policy) < 1e-9


def test_distillation_learns_to_explain_what_the_policy_does():
    rates = dict(actor_learning_rate=0.0, critic_learning_rate=0.0, default_learning_rate=1e-2)
    agent = svg0(**CONFIG, **rates)
    rows = random_unrolls(2, DRIVEN).rows
    learner = Learner(agent)
    start = float(losses(agent, rows)["default_policy"].detach())
    for _ in range(100):
        learner.update({"unrolls": rows})
    assert float(losses(agent, rows)["default_policy"].detach()) < 0.5 * start


def inference() -> Inference:
    torch.manual_seed(0)
    return Inference(DRIVEN, ("proprioception",), 3, 7, 0.1).double()


def differs(module, rows: Step, other: Step) -> torch.Tensor:
    """Rows ``[T, B]`` whose output is not the same."""
    torch.manual_seed(1)
    ours = module(rows)
    torch.manual_seed(1)
    return (ours != module(other)).any(-1)


def one_episode(steps: int = 7) -> Step:
    rows = random_unrolls(3, DRIVEN, steps=steps - 2, batch=2).rows
    return rows._replace(is_first=torch.zeros_like(rows.is_first))


def test_given_the_last_latent_f_depends_on_what_is_to_come_and_not_on_the_past():
    f, rows = inference(), one_episode()
    for values in (dict(observation=2.0), dict(action=2.0)):
        moved = differs(f._gathered, rows, changed(rows, (3,), **values))
        assert moved[:4].all() and not moved[4:].any()


def test_a_latent_depends_on_the_one_before_it():
    f, rows = inference(), one_episode()
    later = differs(lambda r: f(r)[1], rows, changed(rows, (3,), observation=2.0))
    assert later.all()


def test_f_sees_nothing_of_other_episodes():
    f, rows = inference(), one_episode()
    first = rows.is_first.clone()
    first[4] = True  # rows 0 to 3 are one episode, 4 to 6 the next
    rows = rows._replace(is_first=first)
    for at, same in (((5,), slice(0, 4)), ((1,), slice(4, 7))):
        moved = differs(lambda r: f(r)[1], rows, changed(rows, at, observation=2.0))
        assert moved.any() and not moved[same].any()


def test_f_sees_no_action_where_none_was_taken_or_none_is_known():
    f, rows = inference(), one_episode()
    first = rows.is_first.clone()
    first[4] = True
    rows = rows._replace(is_first=first)
    for at in ((3,), (-1,)):
        assert not differs(lambda r: f(r)[1], rows, changed(rows, at, action=2.0)).any()


def test_neither_latents_nor_default_policy_see_the_task():
    agent = svg0(**CONFIG)
    rows = random_unrolls(0, DRIVEN).rows
    other = rows._replace(observation={**rows.observation, "task": rows.observation["task"] + 1})
    low = agent.default_policy.low
    assert not differs(lambda r: low.inference(r)[1], rows, other).any()
    latent = low.inference(rows)[1]
    ours, theirs = (low.default(r.observation, latent).mean for r in (rows, other))
    assert torch.equal(ours, theirs)


def test_the_trained_latent_space_can_be_a_new_agents_low_level():
    """Figure 8's other use: pi0(a | s, y) as pi_L, kept, and a new pi(z | s) over it."""
    source = svg0(**CONFIG)
    policy = HierarchicalPolicyConfig(high_sizes=(8,), latent_size=3, low_sizes=(6,))
    agent = svg0(5, policy=policy, default=SharedLowLevel(LearnedARConfig(sizes=(5,))))
    LATENT_SPACE_KEPT.apply(agent, source.state_dict())
    rows = random_unrolls(0, DRIVEN).rows
    learner = Learner(agent)
    high = flat(agent.policy.high)
    learner.update({"unrolls": rows})
    latent = torch.randn(*rows.reward.shape, 3).double()
    ours = agent.policy.low(rows.observation, latent)
    theirs = source.default_policy.low.default(rows.observation, latent)
    assert torch.equal(ours.mean, theirs.mean) and torch.equal(ours.std, theirs.std)
    for default_policy in (agent.default_policy, agent.target_default_policy):
        assert torch.equal(default_policy.high.prior.next(latent).mean,
                           source.default_policy.low.prior.next(latent).mean)  # fmt: skip
    assert not torch.equal(flat(agent.policy.high), high)


RECURRENT = dict(policy=FLAT, default=RecurrentDefault(memory_size=5))


def test_the_recurrent_default_remembers_its_episode_and_nothing_else():
    torch.manual_seed(0)
    memory = svg0(**RECURRENT).default_policy.low.memory
    rows = one_episode()
    first = rows.is_first.clone()
    first[4] = True
    cut = rows._replace(is_first=first)
    for values, start in ((dict(observation=2.0), 2), (dict(action=2.0), 3)):
        moved = differs(memory, rows, changed(rows, (2,), **values))
        assert not moved[:start].any() and moved[start:].all()
        moved = differs(memory, cut, changed(cut, (2,), **values))
        assert not moved[:start].any() and moved[start:4].all() and not moved[4:].any()
    assert not differs(memory, cut, changed(cut, (3,), action=2.0)).any()


@pytest.mark.parametrize("name", AGENTS)
def test_the_recurrent_default_learns_by_distillation(name):
    make, spec = AGENTS[name]
    agent = make(**RECURRENT)
    result = losses(agent, random_unrolls(0, spec).rows)
    assert gradient_size(result["default_policy"], agent.policy) == 0
    for part in ("memory", "default"):
        assert gradient_size(result["default_policy"], getattr(agent.default_policy.low, part)) > 0


@pytest.mark.parametrize("default", [LatentVariableDefault(), RecurrentDefault()])
def test_a_policy_with_latents_of_its_own_is_refused(default):
    with pytest.raises(ValueError, match="needs a FlatPolicyConfig"):
        svg0(default=default)
