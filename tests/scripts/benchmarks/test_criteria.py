"""The measurement of criteria, on a network that takes no time."""

from __future__ import annotations

import pytest
from transformers import ResNetForImageClassification

from scripts.benchmarks import criteria


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(criteria, "resnet18", lambda: ResNetForImageClassification(criteria.TINY))


@pytest.mark.slow
@pytest.mark.parametrize("name", criteria.RANKINGS)
def test_what_is_timed_is_ranking_and_pruning_in_all_rounds(name, monkeypatch):
    used, network = [], criteria.network

    def kept() -> object:
        used.append(network())
        return used[-1]

    monkeypatch.setattr(criteria, "network", kept)
    assert criteria.seconds_of(criteria.RANKINGS[name]) > 0
    assert used[0].sparsity == pytest.approx(criteria.SPARSITY, abs=1e-4)
    assert len(criteria.RANKINGS[name].sparsities) == (100 if name == "synflow" else 1)
