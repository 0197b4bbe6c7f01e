"""The residual network for pixels, against its formula written out and the sizes of IMPALA's."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from skill_train.skill_agents.nets.conv import ConvEncoder


def test_it_is_the_deep_network_of_impala_with_an_embedding_of_256():
    """3x3 convolutions with biases: five in each section, the first of which widens."""
    encoder = ConvEncoder((64, 64, 3), (256,))
    convolutions = sum(
        9 * before * after + after + 4 * (9 * after * after + after)
        for before, after in ((3, 16), (16, 32), (32, 32))
    )
    embedding = 8 * 8 * 32 * 256 + 256  # 64 pixels are halved three times
    assert sum(p.numel() for p in encoder.parameters()) == convolutions + embedding
    assert encoder.output_size == 256


def test_features_are_the_formulas():
    torch.manual_seed(0)
    encoder = ConvEncoder((9, 6, 3), (5,), channels=(4,)).double()
    pixels = torch.randint(0, 256, (2, 9, 6, 3), dtype=torch.uint8)
    first, *rest, embedding = [
        (module.weight, module.bias)
        for module in encoder.modules()
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear)
    ]
    x = (pixels.double() / 255 - 0.5).permute(0, 3, 1, 2)
    x = F.max_pool2d(F.pad(F.conv2d(x, *first, padding=1), (1, 1, 1, 1), value=-torch.inf), 3, 2)
    assert x.shape == (2, 4, 5, 3)
    for inner, outer in (rest[:2], rest[2:]):
        x = x + F.conv2d(F.elu(F.conv2d(F.elu(x), *inner, padding=1)), *outer, padding=1)
    weight, bias = embedding
    expected = F.elu(F.elu(x).reshape(2, -1) @ weight.T + bias)
    torch.testing.assert_close(encoder(pixels), expected)


def test_without_its_last_convolution_a_block_changes_nothing():
    """So that gradients reach the first section past all the others."""
    encoder = ConvEncoder((8, 8, 3), (5,), channels=(4, 4))
    images = torch.randn(2, 4, 8, 8)
    for block in list(encoder.convolutions[1])[2:]:
        assert not torch.equal(block(images), images)
        torch.nn.init.zeros_(block.change[-1].weight)
        torch.nn.init.zeros_(block.change[-1].bias)
        assert torch.equal(block(images), images)
