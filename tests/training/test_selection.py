from __future__ import annotations

import pytest
import torch

from tests.helpers import copied, same, tiny_model
from vpns_hf.reporting import ViewAccuracy
from vpns_hf.training import BestOnValidation, LastEpoch, best_view


def train_by(model, value: int) -> None:
    """Stands for an epoch that changes everything a state holds."""
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.copy_(~tensor if tensor.dtype == torch.bool else tensor + value)


def test_the_epoch_with_the_best_view_is_restored():
    model, selection = tiny_model(), BestOnValidation()
    states = []
    for epoch, views in enumerate([(0.5, 0.4), (0.2, 0.6), (0.55, 0.55)], start=1):
        train_by(model, 1)
        states.append(copied(model.state_dict()))
        selection.consider(model, epoch, ViewAccuracy(*views))
    selection.restore(model)
    assert selection.epoch == 2
    assert selection.validation == ViewAccuracy(0.2, 0.6)
    assert same(model.state_dict(), states[1])


def test_the_last_of_equal_epochs_is_kept():
    model, selection = tiny_model(), BestOnValidation()
    for epoch in (1, 2, 3):
        selection.consider(model, epoch, ViewAccuracy(None, 0.5))
    assert selection.epoch == 3


def test_what_is_kept_does_not_follow_the_model():
    model, selection = tiny_model(), BestOnValidation()
    kept = copied(model.state_dict())
    selection.consider(model, 1, ViewAccuracy(0.5, 0.5))
    train_by(model, 3)
    selection.restore(model)
    assert same(model.state_dict(), kept)


def test_nothing_to_select_by_is_an_error():
    with pytest.raises(ValueError, match="validation"):
        BestOnValidation().consider(tiny_model(), 1, None)


def test_without_an_epoch_the_model_stays():
    model = tiny_model()
    kept = copied(model.state_dict())
    BestOnValidation().restore(model)
    assert same(model.state_dict(), kept)


def test_the_last_epoch_is_kept_as_it_is():
    model, selection = tiny_model(), LastEpoch()
    selection.consider(model, 1, ViewAccuracy(0.9, 0.9))
    train_by(model, 1)
    kept = copied(model.state_dict())
    selection.consider(model, 2, None)
    selection.restore(model)
    assert (selection.epoch, selection.validation) == (2, None)
    assert same(model.state_dict(), kept)


@pytest.mark.parametrize(("views", "best"), [((0.1, 0.3), 0.3), ((0.4, 0.3), 0.4), ((None, 0.2), 0.2)])
def test_the_best_view(views, best):
    assert best_view(ViewAccuracy(*views)) == best
