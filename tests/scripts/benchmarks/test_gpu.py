"""The figures of the measurement on a GPU, taken of a tiny network on the CPU with a clock that is set by hand."""

from __future__ import annotations

import pytest
import torch

from scripts.benchmarks import gpu
from scripts.benchmarks.gpu import Sizes, measure
from tests.helpers import tiny_resnet

TINY = Sizes(image_size=16, stored_size=8, batch_size=4, iterations=3, matrix=16, network=lambda: tiny_resnet(10))


def test_every_figure_follows_from_the_times(monkeypatch):
    worked = []

    def seconds(work, device):
        work()
        worked.append(work.__qualname__.partition(".")[0])
        return {"_bare": 2.0, "_matrix_rate": 1e-3, "_stage": 4.0}[worked[-1]]

    monkeypatch.setattr(gpu, "seconds_of", seconds)
    monkeypatch.setattr(gpu, "operations", lambda sizes: 1000)
    rows = measure(torch.device("cpu"), TINY)
    assert sorted(worked) == ["_bare", "_matrix_rate", "_stage", "_stage"]
    images = 4 * 2 * 3
    limit = 20 * 2 * 16**3 / 1e-3 / (2 * 3 * 1000)
    for stage, rest in (("mask search", rows[0:2]), ("fine-tuning", rows[2:4])):
        assert all(row["name"].startswith(stage) for row in rest)
        assert [(row["ours"], row["reference"], row["ratio"]) for row in rest] == [
            (images / 4, images / 2, 2.0),
            (images / 4, pytest.approx(limit), pytest.approx(limit / (images / 4))),
        ]
    minutes = 2 * 30 * 2 * 50_000 / (images / 4) / 60
    assert (rows[4]["ours"], rows[4]["reference"]) == (pytest.approx(minutes), 12)
    assert rows[4]["ratio"] == pytest.approx(minutes / 12)


def test_the_operations_of_the_recipes_network():
    assert gpu.operations(Sizes(network=lambda: tiny_resnet(10), image_size=16)) > 0
