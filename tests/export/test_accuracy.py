from __future__ import annotations

import torch

from vpns_hf.data import Batch
from vpns_hf.export import count_hits


def batch(values: list[float], labels: list[int]) -> Batch:
    return Batch(torch.tensor(values).view(-1, 1, 1, 1), torch.tensor(labels))


def one_hot(classes: dict[float, int]):
    return lambda pixels: torch.eye(3)[[classes[round(value, 1)] for value in pixels.flatten().tolist()]]


def test_hits_counted_by_hand():
    batches = [batch([0.1, 0.2, 0.3], [0, 1, 2]), batch([0.4], [0])]
    model = one_hot({0.1: 0, 0.2: 1, 0.3: 0, 0.4: 0})
    same = one_hot({0.1: 0, 0.2: 1, 0.3: 0, 0.4: 0})
    other = one_hot({0.1: 1, 0.2: 1, 0.3: 2, 0.4: 0})
    of_model, of_files = count_hits(model, {"same": same, "other": other}, batches)
    assert (of_model.images, of_model.accuracy, of_model.agreement) == (4, 0.75, 1.0)
    assert (of_files["same"].accuracy, of_files["same"].agreement) == (0.75, 1.0)
    assert (of_files["other"].accuracy, of_files["other"].agreement) == (0.75, 0.5)
