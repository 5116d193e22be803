from __future__ import annotations

import math

import torch
from torch import nn

from tests.helpers import same, tiny_model
from tests.training_helpers import dense_model
from vpns_hf import VPNsForImageClassification
from vpns_hf.pruning import Pruner
from vpns_hf.pruning.criteria import Scores, ScoringContext, magnitude, unread_rows_last

HEAD = "classifier.1"


def signed(context: ScoringContext) -> Scores:
    """Ranked as they are; rows that are not read would stay before every negative score."""
    scores = magnitude(context).by_layer
    return Scores({name: torch.where(layer == 0, 0.0, layer) for name, layer in scores.items()}, by_magnitude=False)


def model_of_three_classes() -> VPNsForImageClassification:
    model = dense_model()
    model.label_mapping.copy_(torch.tensor([4, 0, 2]))
    return model


def test_rows_that_are_read_keep_their_scores_and_others_are_below_everything():
    model = model_of_three_classes()
    plain, ranked = (criterion(ScoringContext(model)) for criterion in (magnitude, unread_rows_last(magnitude)))
    for name, scores in plain.by_layer.items():
        if name == HEAD:
            assert (ranked.by_layer[name][[1, 3]] == -math.inf).all()
            assert torch.equal(ranked.by_layer[name][[0, 2, 4]], scores[[0, 2, 4]])
            assert (ranked.keys()[name][[1, 3]] == -math.inf).all()
        else:
            assert torch.equal(ranked.by_layer[name], scores)


def test_they_go_before_all_others_whether_magnitude_ranks_or_not():
    for criterion in (magnitude, signed):
        model = model_of_three_classes()
        total = sum(mask.numel() for mask in model.masks().values())
        Pruner().apply(model, unread_rows_last(criterion)(ScoringContext(model)), 24.5 / total)
        head = model.masks()[HEAD]
        assert not head[[1, 3]].any()
        assert head[[0, 2, 4]].all()
        assert sum(int(mask.sum()) for mask in model.masks().values()) == total - 24


def test_scores_that_are_learned_from_there_are_zero():
    model = model_of_three_classes()
    learned = Pruner().learn(model, unread_rows_last(magnitude)(ScoringContext(model)), 0.5)
    learned.update()
    scores = model.masked_layers()[HEAD].scores
    assert (scores[[1, 3]] == 0).all()
    assert (scores[[0, 2, 4]] != 0).all()
    assert not model.masks()[HEAD][[1, 3]].any()


class OwnLinear(nn.Linear):
    """Not masked."""


def test_a_head_that_is_not_masked_or_not_there_changes_nothing():
    for change in ("another class", "no head"):
        model = tiny_model()
        if change == "no head":
            model.backbone.config.num_labels = 77
        else:
            model.backbone.classifier[1] = OwnLinear(12, 5)
        plain, ranked = (criterion(ScoringContext(model)) for criterion in (magnitude, unread_rows_last(magnitude)))
        assert same(plain.by_layer, ranked.by_layer)
