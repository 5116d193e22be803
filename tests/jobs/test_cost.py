from __future__ import annotations

import torch

from tests.helpers import prune_at_random, tiny_model
from vpns_hf.jobs.cost import measure_cost
from vpns_hf.metrics import count_macs


def test_the_dense_network_is_counted_on_the_pictures_it_gets():
    """A prompt that enlarges the picture costs the pruned model operations that the dense one does not have."""
    model = prune_at_random(tiny_model(visual_prompt="expand", output_size=24, prompt_at_inference=True))
    cost, pixels = measure_cost(model), torch.zeros(1, 3, 16, 16)
    stock = count_macs(model.to_backbone(), pixels)
    assert cost.macs == stock.dense
    assert cost.macs_nonzero == count_macs(model, pixels).nonzero
    assert count_macs(model, pixels).dense > cost.macs
