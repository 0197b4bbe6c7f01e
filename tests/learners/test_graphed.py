"""A captured update is the same update: on the CPU by a recording, on a GPU by a CUDA graph."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from skill_train.learners.graphed import WARM_UP, CudaGraphs, GraphedLearner, make_learner, why_not
from skill_train.learners.learner import Learner
from skill_train.skill_agents.agent import Decay
from skill_train.skill_agents.hierarchical_kl.defaults import SeparateLowLevel
from skill_train.skill_agents.hierarchical_kl.distral import (
    BranchDefault,
    ColumnDefault,
    TwoColumnPolicyConfig,
)
from skill_train.skill_agents.hierarchical_kl.evaluated import TargetCopyConfig
from skill_train.skill_agents.hierarchical_kl.latent_prior import LatentVariableDefault
from skill_train.skill_agents.hierarchical_kl.policies import FlatPolicyConfig
from skill_train.skill_agents.hierarchical_kl.priors import LearnedARConfig
from skill_train.skill_agents.hierarchical_kl.recurrent_prior import RecurrentDefault
from tests.learners.recording import HostWaits, RecordingGraphs
from tests.learners.tiny_agent import TinyAgent, batch
from tests.skill_agents.hierarchical_kl.unrolls import (
    DRIVEN,
    STEPPED,
    SVG0_CONFIG,
    VTRACE_CONFIG,
    random_unrolls,
)

SMALL = dict(sizes=(8,), default_sizes=(6,))
RATES = dict(actor_learning_rate=1e-2, critic_learning_rate=1e-2, default_learning_rate=1e-2)
SVG0 = replace(SVG0_CONFIG, target_update_period=10, **RATES)
LEARNED = SeparateLowLevel(LearnedARConfig(sizes=(8,)))
AGENTS = {
    "svg0": (replace(SVG0, default=LEARNED), DRIVEN),
    "svg0 with held latents": (replace(SVG0, default=LEARNED, latent_period=3), DRIVEN),
    "2 columns": (
        replace(SVG0, policy=TwoColumnPolicyConfig(**SMALL), default=ColumnDefault()),
        DRIVEN,
    ),
    "shared prior": (
        replace(
            SVG0,
            policy=FlatPolicyConfig(**SMALL),
            default=BranchDefault(),
            evaluated=TargetCopyConfig(),
        ),
        DRIVEN,
    ),
    "latent variables": (
        replace(
            SVG0,
            policy=FlatPolicyConfig(**SMALL),
            default=LatentVariableDefault(latent_size=3, inference_hidden=7),
        ),
        DRIVEN,
    ),
    "vtrace with latent variables": (
        replace(
            VTRACE_CONFIG,
            policy=FlatPolicyConfig(**SMALL),
            default=LatentVariableDefault(latent_size=3, inference_hidden=7),
        ),
        STEPPED,
    ),
    "recurrent": (
        replace(SVG0, policy=FlatPolicyConfig(**SMALL), default=RecurrentDefault(memory_size=5)),
        DRIVEN,
    ),
    "vtrace": (replace(VTRACE_CONFIG, default=LEARNED), STEPPED),
}


def made(name: str):
    config, spec = AGENTS[name]
    torch.manual_seed(0)
    agent = config.build(spec)
    batches = [
        {"unrolls": floats(random_unrolls(seed, spec, agent.period, steps=4).rows)}
        for seed in range(3)
    ]
    return agent, batches


def floats(rows, device: str = "cpu"):
    """float32 as it comes from replay, on a device."""

    def one(tensor):
        return (tensor.float() if tensor.is_floating_point() else tensor).to(device)

    return rows._make(
        {k: one(v) for k, v in leaf.items()} if isinstance(leaf, dict) else one(leaf)
        for leaf in rows
    )


def train(learner: Learner, batches: list, updates: int) -> None:
    torch.manual_seed(1)
    for i in range(updates):
        learner.update(batches[i % len(batches)])


def tensors(learner: Learner) -> dict[str, torch.Tensor]:
    """Everything that an update reads and writes, by name."""
    state = dict(learner.agent.state_dict())
    for name, adam in learner.optimizers.adams.items():
        for i, moments in adam.state_dict()["state"].items():
            state |= {f"{name}/{i}/{k}": v for k, v in moments.items()}
    return state | {f"total/{name}": total for name, total in learner._sums.items()}


@pytest.mark.parametrize("name", AGENTS)
def test_a_recording_gives_the_same_parameters_after_100_updates(name):
    """Bit for bit: on the CPU the recorded operations are the very same."""
    graphs = RecordingGraphs()
    agent, batches = made(name)
    captured, eager = GraphedLearner(agent, "cpu", graphs), Learner(made(name)[0])
    train(eager, batches, 100)
    train(captured, batches, 100)
    assert captured.captured and graphs.recorded == 1
    ours, theirs = tensors(captured), tensors(eager)
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        assert torch.equal(ours[key], value), key
    assert captured.steps == 100
    assert captured.metrics() == eager.metrics()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", AGENTS)
def test_a_cuda_graph_gives_the_same_parameters_after_100_updates(name):
    """In float32 to a relative 1e-4: the captured kernels may sum in another order.

    On the last GPU, which with several of them is not the current one.
    """
    device = torch.device("cuda", torch.cuda.device_count() - 1)
    agent, batches = made(name)
    batches = [{k: floats(rows, str(device)) for k, rows in b.items()} for b in batches]
    captured = GraphedLearner(agent, device, CudaGraphs(device))
    eager = Learner(made(name)[0], device)
    train(eager, batches, 100)
    train(captured, batches, 100)
    assert captured.captured
    ours, theirs = tensors(captured), tensors(eager)
    for key, value in theirs.items():
        torch.testing.assert_close(ours[key], value, rtol=1e-4, atol=1e-5, msg=key)


class TwoGpus:
    """The part of `torch.cuda` that a capture needs, with GPU 0 current."""

    def __init__(self) -> None:
        self.now = 0
        generator = SimpleNamespace(clone_state=lambda: None)
        self.default_generators = [generator, generator]

    def CUDAGraph(self):
        return SimpleNamespace(replay=lambda: None)

    def Stream(self, device):
        return SimpleNamespace(index=torch.device(device).index)

    def current_device(self):
        return self.now

    def current_stream(self, device=None):
        return SimpleNamespace(index=self.now if device is None else torch.device(device).index)

    @contextmanager
    def device(self, device):
        before, self.now = self.now, torch.device(device).index
        yield
        self.now = before

    @contextmanager
    def stream(self, stream):
        with self.device(torch.device("cuda", stream.index)):
            yield

    @contextmanager
    def graph(self, graph, stream=None, capture_error_mode="global"):
        """Without a stream, torch keeps one for all graphs of the process: here one of GPU 0."""
        with self.stream(stream or self.Stream("cuda:0")):
            yield


def test_an_update_is_captured_on_the_learners_gpu_whichever_is_current(monkeypatch):
    cuda = TwoGpus()
    for name in dir(cuda):
        if hasattr(torch.cuda, name) and not name.startswith("_"):
            monkeypatch.setattr(torch.cuda, name, getattr(cuda, name))
    on = []
    CudaGraphs(torch.device("cuda", 1)).record(lambda: on.append(cuda.now))
    assert on == [1]
    assert cuda.now == 0


@pytest.mark.parametrize("name", AGENTS)
def test_an_update_never_waits_for_the_device(name):
    """No operation's result or shape is needed by Python: nothing to wait for on a GPU."""
    agent, batches = made(name)
    learner, waits = Learner(agent), HostWaits()
    with waits:
        train(learner, batches, 12)
    assert waits.names == []


@pytest.mark.parametrize("name", AGENTS)
def test_after_the_first_update_all_state_stays_where_it_is(name):
    agent, batches = made(name)
    learner = Learner(agent)
    train(learner, batches, 1)
    before = {key: (t.data_ptr(), t.shape) for key, t in tensors(learner).items()}
    train(learner, batches, 25)
    learner.metrics()
    assert {key: (t.data_ptr(), t.shape) for key, t in tensors(learner).items()} == before


class Static(TinyAgent):
    static_update = True


def test_the_first_updates_are_made_as_ever_and_the_next_one_is_recorded():
    graphs = RecordingGraphs()
    learner = GraphedLearner(Static(), "cpu", graphs)
    for i in range(WARM_UP + 2):
        assert graphs.recorded == (i > WARM_UP)
        learner.update(batch())
    assert learner.captured


def test_metrics_of_replayed_updates_are_means_since_they_were_last_asked_for():
    learner = GraphedLearner(Static(), "cpu", RecordingGraphs())
    for _ in range(WARM_UP + 1):
        learner.update(batch(1.0))
    learner.metrics()
    learner.update(batch(2.0))
    learner.update(batch(4.0))
    assert learner.metrics()["reward"] == 3.0
    assert learner.metrics() == {}


def test_a_batch_of_another_shape_is_learned_from_as_ever():
    learner, eager = GraphedLearner(Static(), "cpu", RecordingGraphs()), Learner(Static())
    short = {"rows": batch(3.0)["rows"]._replace(reward=torch.full((2, 5), 3.0))}
    for one in (learner, eager):
        train(one, [batch(1.0)], WARM_UP + 2)
        one.update(short)
        one.update(batch(2.0))
    assert tensors(learner).keys() == tensors(eager).keys()
    for key, value in tensors(eager).items():
        assert torch.equal(tensors(learner)[key], value), key


def test_a_restored_learner_captures_anew():
    """Its moments are other tensors than those of the first graph."""
    graphs = RecordingGraphs()
    learner, eager = GraphedLearner(Static(), "cpu", graphs), Learner(Static())
    for one in (learner, eager):
        train(one, [batch(1.0)], WARM_UP + 2)
        saved = one.state_dict()
        train(one, [batch(5.0)], 3)
        one.load_state_dict(saved)
        train(one, [batch(2.0)], WARM_UP + 3)
    assert graphs.recorded == 2
    for key, value in tensors(eager).items():
        assert torch.equal(tensors(learner)[key], value), key


class Waits(Static):
    """Looks at a number while it computes its losses."""

    def losses(self, batch):
        losses, metrics = super().losses(batch)
        assert float(losses["actor"].detach()) >= 0.0
        return losses, metrics


class Refuses(RecordingGraphs):
    def warm_up(self, work):
        work()
        return False

    def record(self, work):
        raise RuntimeError("operation not permitted when stream is capturing\nand much more")


@pytest.mark.parametrize(
    ("agent", "graphs", "why"),
    [
        (Waits, RecordingGraphs, "an update makes the host wait for the device"),
        (Static, Refuses, "operation not permitted when stream is capturing"),
    ],
)
def test_what_cannot_be_captured_goes_on_as_ever_with_one_line_of_the_log(
    agent, graphs, why, caplog
):
    learner, eager = GraphedLearner(agent(), "cpu", graphs()), Learner(agent())
    with caplog.at_level(logging.INFO, "skill_train.learners"):
        for one in (learner, eager):
            train(one, [batch()], WARM_UP + 4)
    assert [r.getMessage() for r in caplog.records] == [f"updates are not captured: {why}"]
    assert not learner.captured
    for key, value in tensors(eager).items():
        assert torch.equal(tensors(learner)[key], value), key


class Decays(Static):
    def parameter_groups(self):
        slower = Decay(begin=1, end=10)
        groups = super().parameter_groups()
        return {name: group._replace(decay=slower) for name, group in groups.items()}


@pytest.mark.parametrize(
    ("agent", "device", "obstacle"),
    [
        (Static, "cpu", "there is no GPU"),
        (TinyAgent, "cuda", "TinyAgent does not promise it"),
        (Decays, "cuda", "learning rates decay, and a graph repeats a number"),
        (Static, "cuda", None),
    ],
)
def test_who_is_captured(agent, device, obstacle):
    assert why_not(agent(), torch.device(device)) == obstacle


def test_without_a_gpu_the_learner_is_the_plain_one_and_says_so(caplog):
    with caplog.at_level(logging.INFO, "skill_train.learners"):
        learner = make_learner(Static(), torch.device("cpu"))
    assert type(learner) is Learner
    assert [r.getMessage() for r in caplog.records] == ["updates are not captured: there is no GPU"]
