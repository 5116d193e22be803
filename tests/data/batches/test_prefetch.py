from __future__ import annotations

import threading
from itertools import islice

import pytest
import torch

from vpns_hf.data import EvalBatches, EvalTransform, TrainBatches, TrainTransform
from vpns_hf.data.batches import EarlyEvalBatches, EarlyTrainBatches


@pytest.fixture
def batches(make_cache) -> TrainBatches:
    return TrainBatches(make_cache(50, size=9), TrainTransform(8), batch_size=8, seed=3, stream="plain")


@pytest.fixture
def asked(batches, monkeypatch) -> list[tuple[int, int]]:
    """Every epoch that is read from the batches, and from where on."""
    calls, original = [], batches.epoch

    def noted(epoch, start=0):
        calls.append((epoch, start))
        return original(epoch, start)

    monkeypatch.setattr(batches, "epoch", noted)
    return calls


def check_same(ours, theirs) -> None:
    ours, theirs = list(ours), list(theirs)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one.pixel_values, other.pixel_values)
        assert torch.equal(one.labels, other.labels)


@pytest.mark.parametrize("start", [0, 3])
@pytest.mark.parametrize("begun", [None, 1, 2])
def test_every_epoch_is_the_same(batches, start, begun):
    early = EarlyTrainBatches(batches)
    if begun is not None:
        early.begin(begun)
    check_same(early.epoch(2, start), batches.epoch(2, start))
    check_same(early.epoch(1), batches.epoch(1))
    assert (len(early), early.batch_size) == (7, 8)
    assert torch.equal(early.rows(2, 3), batches.rows(2, 3))


def test_what_was_begun_is_read_once_and_not_again(batches, asked):
    early = EarlyTrainBatches(batches)
    early.begin(5)
    assert len(list(early.epoch(5))) == len(list(early.epoch(5))) == 7
    assert asked == [(5, 0), (5, 0)]


def test_what_is_not_asked_for_is_dropped_with_its_thread(batches):
    before, early = threading.active_count(), EarlyTrainBatches(batches)
    early.begin(5)
    assert len(list(early.epoch(6))) == 7
    early.begin(7)
    del early
    assert threading.active_count() == before


def test_a_pass_that_is_broken_off_ends_its_threads(batches):
    before = threading.active_count()
    epoch = EarlyTrainBatches(batches).epoch(1)
    assert len(list(islice(epoch, 2))) == 2
    del epoch
    assert threading.active_count() == before


def test_evaluation_is_the_same_every_time(make_cache):
    batches = EvalBatches(make_cache(21), EvalTransform(4), batch_size=8)
    early = EarlyEvalBatches(batches)
    check_same(early, batches)
    check_same(early, batches)
    assert (len(early), early.batch_size) == (3, 8)
