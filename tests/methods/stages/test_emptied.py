"""A layer that a mask empties is told before anything is trained on what is left."""

from __future__ import annotations

import logging

import pytest

from tests.training_helpers import dense_model, hand_batches, hand_model, make_run
from vpns_hf.methods.stages import FindMaskStage, Prune
from vpns_hf.pruning import PerLayer, Pruner
from vpns_hf.pruning.criteria import Criterion, Scores, ScoringContext, magnitude, scaled_weight
from vpns_hf.training import AdamSpec, Callback, ModelStage, run_stages

ADAM = AdamSpec(1e-4, 1e-4, 0.0)
LINE = (
    "at sparsity 0.9 no weight is left in net.conv: nothing of the picture passes through; "
    "lower the sparsity or give --scope layer"
)


class WhatWasSaid(Callback):
    """The warnings before each update."""

    def __init__(self, caplog) -> None:
        self.caplog, self.before = caplog, []

    def on_update(self, run, stage, update, loss) -> None:
        self.before.append(list(self.caplog.messages))


def hand_run(*callbacks: Callback):
    prompted, plain = hand_batches()
    run = make_run(hand_model(), [prompted], [plain])
    run.callbacks = list(callbacks)
    return run


def find_mask(sparsity: float = 0.9, pruner: Pruner | None = None, adam: AdamSpec = ADAM) -> FindMaskStage:
    return FindMaskStage(1, adam, scaled_weight, sparsity, pruner)


def test_the_mask_search_says_it_before_its_first_update_and_only_once(caplog):
    said = WhatWasSaid(caplog)
    run_stages(hand_run(said), [find_mask()])
    assert said.before == [[LINE]] * 2
    assert caplog.messages == [LINE]


def test_pruning_says_it(caplog):
    run = hand_run()
    Prune(scaled_weight, Pruner(), [0.9]).apply(run)
    assert caplog.messages == [LINE]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_what_is_emptied_already_is_not_said_again(caplog):
    Prune(scaled_weight, Pruner(), [0.8, 0.9, 0.95]).apply(hand_run())
    assert caplog.messages == [LINE]


def test_a_search_that_empties_a_layer_says_so_at_its_end(caplog):
    """Both layers start with weights; the scores of the first are all brought to nothing."""

    class Falling(FindMaskStage):
        def after_update(self, run) -> None:
            self.mask.scores[0].data.mul_(1e-6)
            super().after_update(run)

    run = hand_run()
    run_stages(run, [Falling(1, ADAM, swollen(scaled_weight), 0.9)])
    assert caplog.messages == [LINE]


def swollen(criterion: Criterion) -> Criterion:
    """The criterion, by which some weights of the first layer are among the largest."""

    def scores(context: ScoringContext) -> Scores:
        by_layer = criterion(context).by_layer
        first = next(iter(by_layer))
        return Scores({**by_layer, first: by_layer[first] * 1.8})

    return scores


@pytest.mark.parametrize("make", [find_mask, lambda sparsity, pruner: Prune(magnitude, pruner, [sparsity])])
def test_each_layer_by_itself_is_never_emptied(caplog, make):
    run = hand_run()
    stage = make(0.99, Pruner(budget=PerLayer()))
    stage.apply(run) if isinstance(stage, ModelStage) else run_stages(run, [stage])
    assert caplog.messages == []
    assert all(mask.any() for mask in run.model.masks().values())


def test_several_layers_are_named(caplog):
    model = dense_model()
    Prune(magnitude, Pruner(), [0.999]).apply(make_run(model, [], []))
    [line] = caplog.messages
    empty = [name for name, mask in model.masks().items() if not mask.any()]
    assert len(empty) > 1
    assert f"no weight is left in {', '.join(empty)}: " in line
