from __future__ import annotations

import pytest
import torch
from torch import nn

from vpns_hf.metrics import is_two_of_four, use_semi_structured


@pytest.mark.parametrize(
    ("row", "fits"),
    [
        ([1, 0, 0, 2, 0, 3, 4, 0], True),
        ([1, 0, 0, 0, 0, 0, 0, 0], True),
        ([0, 0, 2, 2, 2, 2, 0, 0], True),
        ([0, 2, 2, 2, 0, 0, 0, 0], False),
        ([0, 0, 0, 0, 0, 0, 0, 0], False),
        ([1, 0, 0, 2, 0, 3], False),
    ],
)
def test_the_pattern(row, fits):
    assert is_two_of_four(torch.tensor([row, row])) is fits


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_layers_stay_as_they_are():
    layer = nn.Linear(128, 64)
    with torch.no_grad():
        layer.weight.view(64, -1, 4)[..., 2:] = 0
    before = layer.weight
    assert use_semi_structured(nn.Sequential(layer)) == 0
    assert layer.weight is before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_the_kernels_compute_the_same():
    network = nn.Sequential(nn.Linear(128, 64), nn.Linear(64, 8)).to("cuda", torch.float16)
    with torch.no_grad():
        network[0].weight.view(64, -1, 4)[..., 2:] = 0
        inputs = torch.randn(5, 7, 128, device="cuda", dtype=torch.float16)
        expected = network(inputs)
        assert use_semi_structured(network) == 1
        torch.testing.assert_close(network(inputs), expected, atol=1e-2, rtol=1e-2)
