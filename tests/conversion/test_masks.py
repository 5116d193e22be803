from __future__ import annotations

import pytest
import torch

from vpns_hf.conversion import ReleasedMasks
from vpns_hf.errors import InputError

SCORES = {"a": torch.tensor([[0.5, -0.1], [0.2, -0.5]]), "b": torch.tensor([-0.3, 0.5, 0.7, 0.0])}


def test_the_threshold_is_that_of_all_layers_together():
    found = ReleasedMasks.of(SCORES, 0.5)  # the 4th of .0 .1 .2 .3 .5 .5 .5 .7
    assert found.threshold == pytest.approx(0.3)
    assert found.masks["a"].tolist() == [[True, False], [False, True]]
    assert found.masks["b"].tolist() == [False, True, True, False]
    assert found.ties == 0


def test_ties_are_all_pruned():
    found = ReleasedMasks.of(SCORES, 0.3)  # 5 of 8 are to go; 7 do
    assert found.masks["a"].tolist() == [[False, False], [False, False]]
    assert found.masks["b"].tolist() == [False, False, True, False]
    assert (found.threshold, found.ties) == (0.5, 2)


def test_nothing_is_pruned_where_less_than_one_score_would_be():
    for density in (1.0, 0.9):
        found = ReleasedMasks.of(SCORES, density)
        assert all(mask.all() for mask in found.masks.values())
        assert (found.threshold, found.ties) == (None, 0)


def test_the_count_is_that_of_binary_fractions():
    """1 - 0.9 is less than a tenth: of 100 scores 9 go, not 10."""
    assert ReleasedMasks.of({"a": torch.arange(1.0, 101.0)}, 0.9).threshold == 9.0


def test_as_many_as_the_k_smallest_go_in_a_large_layer():
    scores = torch.randn(300_000, generator=torch.Generator().manual_seed(0))
    found = ReleasedMasks.of({"a": scores}, 0.3)
    threshold = scores.abs().kthvalue(int((1 - 0.3) * 300_000)).values
    assert found.threshold == float(threshold)
    assert torch.equal(found.masks["a"], scores.abs() > threshold)


def test_scores_that_rank_nothing():
    with pytest.raises(InputError, match="NaN"):
        ReleasedMasks.of({"a": torch.tensor([1.0, float("nan")])}, 0.5)
    with pytest.raises(InputError, match="all alike"):
        ReleasedMasks.of({"a": torch.ones(4)}, 0.5)
