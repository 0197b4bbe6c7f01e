"""Views, distributions and their heads."""

from __future__ import annotations

import pytest
import torch

from skill_train.replay.step import ArraySpec
from skill_train.skill_agents.nets.categorical import Categorical, CategoricalHead
from skill_train.skill_agents.nets.gaussian import Gaussian, GaussianHead
from skill_train.skill_agents.nets.mlp import MLP, ScalarHead
from skill_train.skill_agents.nets.view import View

GROUPS = {
    "proprioception": ArraySpec((3,)),
    "boxes": ArraySpec((2, 3)),
    "clock": ArraySpec(()),
    "camera": ArraySpec((4, 4, 3), "uint8"),
}


def observation(*leading: int) -> dict[str, torch.Tensor]:
    return {name: torch.randn((*leading, *array.shape)) for name, array in GROUPS.items()}


@pytest.mark.parametrize("leading", [(), (5,), (7, 5)])
def test_a_view_lays_its_groups_side_by_side_in_its_own_order(leading):
    seen = observation(*leading)
    view = View(("boxes", "clock", "proprioception"), GROUPS)
    parts = [seen["boxes"].flatten(-2), seen["clock"].unsqueeze(-1), seen["proprioception"]]
    assert view.size == 6 + 1 + 3
    assert torch.equal(view(seen), torch.cat(parts, -1))
    assert torch.equal(View(("proprioception",), GROUPS)(seen), seen["proprioception"])
    every = View(("*",), GROUPS)
    assert every.names == ("boxes", "clock", "proprioception"), "all but pixels"
    assert torch.equal(every(seen), view(seen))


@pytest.mark.parametrize(
    ("groups", "sentence"),
    [
        (("proprioception", "taks"), "'taks' does not exist; the task has boxes, camera, clock, "),
        ((), "a network must see a group; the task has boxes"),
        (("camera",), "'camera' is pixels, which need an encoder: camera/256"),
        (("boxes/",), "'boxes/' does not exist"),
        (("boxes/0",), "'boxes/0' does not exist"),
    ],
)
def test_a_view_that_cannot_be_is_refused_in_a_sentence(groups, sentence):
    with pytest.raises(ValueError, match=sentence):
        View(groups, GROUPS)


@pytest.mark.parametrize("leading", [(), (5,), (7, 5)])
def test_a_group_goes_through_the_encoder_that_its_name_asks_for(leading):
    """One layer is ELU(W x + b) of the flattened group; the other groups stay as they are."""
    seen = observation(*leading)
    view = View(("boxes/5", "clock"), GROUPS)
    layer = view.encoders["boxes"][0]
    encoded = torch.nn.functional.elu(seen["boxes"].flatten(-2) @ layer.weight.T + layer.bias)
    assert view.size == 5 + 1
    torch.testing.assert_close(view(seen), torch.cat([encoded, seen["clock"].unsqueeze(-1)], -1))
    assert [p.shape[0] for p in View(("boxes/9/4",), GROUPS).parameters()] == [9, 9, 4, 4]


def test_pixels_are_encoded_one_picture_at_a_time():
    spec = {"pixels": ArraySpec((64, 64, 3), "uint8")}
    view = View(("pixels/7",), spec)
    pixels = torch.randint(0, 256, (2, 3, 64, 64, 3), dtype=torch.uint8)
    features = view({"pixels": pixels})
    assert features.shape == (2, 3, 7)
    for t in range(2):
        for b in range(3):
            alone = view({"pixels": pixels[t, b]})
            torch.testing.assert_close(features[t, b], alone, rtol=1e-4, atol=1e-5)
    changed = pixels.clone()
    changed[0, 0, 40:, :, 2] = 255 - changed[0, 0, 40:, :, 2]
    assert not torch.allclose(view({"pixels": changed})[0, 0], features[0, 0])
    assert torch.equal(view({"pixels": changed})[1], features[1])


def test_gaussian_agrees_with_torch():
    ours = Gaussian(torch.randn(6, 4, 3), torch.rand(6, 4, 3) + 0.1)
    theirs = torch.distributions.Independent(torch.distributions.Normal(*ours), 1)
    value = torch.randn(6, 4, 3)
    torch.testing.assert_close(ours.log_prob(value), theirs.log_prob(value))
    torch.testing.assert_close(ours.entropy(), theirs.entropy())


def test_gaussian_samples_have_its_mean_and_std_and_no_gradient():
    mean = torch.tensor([1.0, -2.0], requires_grad=True)
    gaussian = Gaussian(mean.expand(20_000, 2), torch.tensor([0.5, 2.0]).expand(20_000, 2))
    drawn = gaussian.sample(torch.Generator().manual_seed(0))
    assert not drawn.requires_grad
    torch.testing.assert_close(drawn.mean(0), torch.tensor([1.0, -2.0]), atol=0.07, rtol=0)
    torch.testing.assert_close(drawn.std(0), torch.tensor([0.5, 2.0]), atol=0.0, rtol=0.05)


def test_categorical_agrees_with_torch():
    ours = Categorical(torch.log_softmax(torch.randn(6, 4, 5), -1))
    theirs = torch.distributions.Categorical(logits=ours.log_probs)
    value = torch.randint(5, (6, 4))
    torch.testing.assert_close(ours.log_prob(value), theirs.log_prob(value))
    torch.testing.assert_close(ours.entropy(), theirs.entropy())
    assert torch.equal(ours.mode(), theirs.mode)


def test_categorical_samples_have_its_probabilities():
    probabilities = torch.tensor([[0.5, 0.3, 0.2], [0.0, 0.1, 0.9]])
    ours = Categorical(probabilities.log().expand(20_000, 2, 3))
    drawn = ours.sample(torch.Generator().manual_seed(0))
    counts = torch.nn.functional.one_hot(drawn, 3).double().mean(0)
    torch.testing.assert_close(counts.float(), probabilities, atol=0.02, rtol=0)


@pytest.mark.parametrize("initial", [0.2, 0.7, 1.0])
def test_a_gaussian_head_starts_at_its_initial_std_and_stays_above_its_floor(initial):
    head = GaussianHead(4, 2, initial_std=initial, minimum_std=0.1, tanh_mean=True)
    head.linear.weight.data.zero_()
    head.linear.bias.data.zero_()
    gaussian = head(torch.randn(5, 4))
    torch.testing.assert_close(gaussian.std, torch.full((5, 2), initial))
    assert not gaussian.mean.any()
    head.linear.bias.data[2:] = -100.0
    torch.testing.assert_close(head(torch.randn(5, 4)).std, torch.full((5, 2), 0.1))


def test_a_gaussian_head_bounds_its_mean_if_asked():
    for bounded in (True, False):
        head = GaussianHead(4, 2, 0.7, 0.1, tanh_mean=bounded)
        head.linear.bias.data[:2] = 9.0
        mean = head(torch.zeros(1, 4)).mean
        assert bool((mean <= 1.0).all()) == bounded


def test_a_limited_mean_keeps_its_direction_and_a_slope():
    head = GaussianHead(1, 2, 0.7, 0.1, tanh_mean=True, mean_limit=1.0)
    outputs = torch.tensor(
        [[0.5, -1.0, 0.0, 0.0], [3.0, -1.0, 0.0, 0.0], [300.0, -100.0, 0.0, 0.0]],
        requires_grad=True,
    )
    mean = head.distribution(outputs).mean
    # Mean absolute values 0.75, 2 and 200: the first is left alone, the others divided by theirs.
    scaled = torch.tensor([[0.5, -1.0], [1.5, -0.5], [1.5, -0.5]])
    torch.testing.assert_close(mean, scaled.tanh())
    # d/dx of x / ((x - y) / 2) at (300, -100) is -2 y / (x - y)^2 = 200 / 400^2.
    (slope,) = torch.autograd.grad(mean[2, 0], outputs)
    torch.testing.assert_close(slope[2, 0], (1 - scaled[2, 0].tanh() ** 2) * 200 / 400**2)


def test_an_initial_std_below_the_floor_is_refused():
    with pytest.raises(ValueError, match=r"initial_std 0.1 must be above minimum_std 0.1"):
        GaussianHead(4, 2, 0.1, 0.1, tanh_mean=True)


def test_shapes():
    assert CategoricalHead(4, 3)(torch.zeros(7, 5, 4)).log_probs.shape == (7, 5, 3)
    assert MLP(4, (6, 8))(torch.zeros(7, 5, 4)).shape == (7, 5, 8)
    assert ScalarHead(4, (6, 8))(torch.zeros(7, 5, 4)).shape == (7, 5)


def test_layer_norm_comes_first_and_only_if_asked():
    kinds = [type(layer).__name__ for layer in MLP(4, (6, 8))]
    assert kinds == ["Linear", "LayerNorm", "Tanh", "Linear", "ELU"]
    kinds = [type(layer).__name__ for layer in MLP(4, (6, 8), layer_norm=False)]
    assert kinds == ["Linear", "ELU", "Linear", "ELU"]
