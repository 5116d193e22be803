from __future__ import annotations

from itertools import chain

import pytest
import torch

from vpns_hf.data import EvalBatches, EvalTransform, Process, TrainBatches, TrainTransform
from vpns_hf.errors import InputError


def train_batches(cache, batch_size=16, stream="plain", seed=7, size=4, **process) -> TrainBatches:
    transform = TrainTransform(size)
    return TrainBatches(cache, transform, batch_size=batch_size, seed=seed, stream=stream, process=Process(**process))


def labels_of(batches) -> list[list[int]]:
    return [batch.labels.tolist() for batch in batches]


def test_epoch_shows_every_row(make_cache):
    batches = train_batches(make_cache(48))
    shown = labels_of(batches.epoch(0))
    assert len(shown) == len(batches) == 3
    assert sorted(chain(*shown)) == list(range(48))


def test_pixels_belong_to_labels(make_cache):
    for batch in list(train_batches(make_cache(48)).epoch(0)):  # none is written over
        assert torch.allclose(batch.pixel_values[:, 0, 0, 0] * 255, batch.labels.float())
        assert batch.pixel_values.shape == (16, 3, 4, 4)


def test_last_batch_is_topped_up_from_the_start_of_the_order(make_cache):
    first, last = labels_of(train_batches(make_cache(40), batch_size=32).epoch(0))
    assert len(last) == 16
    assert len(set(first + last)) == 40
    assert len(set(last) & set(first)) == 8


def test_tiny_set_still_gives_two_images_to_each_process(make_cache):
    for index in range(2):
        shown = labels_of(train_batches(make_cache(3), batch_size=4, index=index, count=2).epoch(0))
        assert [len(labels) for labels in shown] == [2]


@pytest.mark.parametrize("count", [2, 4])
def test_global_batches_do_not_depend_on_the_processes(count, make_cache):
    cache = make_cache(57)
    alone = labels_of(train_batches(cache, batch_size=24).epoch(3))
    shares = [labels_of(train_batches(cache, batch_size=24, index=i, count=count).epoch(3)) for i in range(count)]
    assert [sorted(labels) for labels in alone] == [sorted(chain(*parts)) for parts in zip(*shares, strict=True)]
    for parts in zip(*shares, strict=True):
        assert len({len(part) for part in parts}) == 1


@pytest.mark.parametrize("count", [3, 5, 6])
def test_every_process_gets_an_equal_share(make_cache, count):
    cache = make_cache(61)
    shares = [
        labels_of(train_batches(cache, batch_size=60, index=i, count=count, seed=1).epoch(0)) for i in range(count)
    ]
    assert all([len(part) for part in share] == [len(part) for part in shares[0]] for share in shares)
    assert len(shares[0][-1]) >= 2
    assert set(chain(*chain(*shares))) == set(range(61))


def test_crops_do_not_depend_on_the_processes(make_cache):
    cache = make_cache(16, size=18)
    cache.images.copy_(torch.randint(256, cache.images.shape, generator=torch.Generator().manual_seed(1)))

    def pixels(**process):
        batches = train_batches(cache, size=16, **process).epoch(0)
        return {int(k): image for batch in batches for k, image in zip(batch.labels, batch.pixel_values, strict=True)}

    alone, shared = pixels(), {**pixels(index=0, count=2), **pixels(index=1, count=2)}
    assert all(torch.equal(alone[row], shared[row]) for row in range(16))


def test_epochs_streams_and_seeds_differ_and_repeat(make_cache):
    cache = make_cache(64)
    base = labels_of(train_batches(cache).epoch(1))
    assert base == labels_of(train_batches(cache).epoch(1))
    assert base != labels_of(train_batches(cache).epoch(2))
    assert base != labels_of(train_batches(cache, stream="prompted").epoch(1))
    assert base != labels_of(train_batches(cache, seed=9).epoch(1))


def test_resumes_in_the_middle_of_an_epoch(make_cache):
    batches = train_batches(make_cache(72, size=18), size=16)
    whole = [batch.pixel_values.clone() for batch in batches.epoch(4)]
    rest = [batch.pixel_values for batch in batches.epoch(4, start=2)]
    assert len(rest) == 3
    assert all(torch.equal(a, b) for a, b in zip(whole[2:], rest, strict=True))


@pytest.mark.parametrize(("batch_size", "count"), [(1, 1), (2, 2), (15, 2), (0, 1)])
def test_batch_size_that_cannot_be_shared(batch_size, count, make_cache):
    with pytest.raises(InputError, match=f"batch_size {batch_size}"):
        train_batches(make_cache(8), batch_size=batch_size, count=count)


@pytest.mark.parametrize("total", [1, 7, 8, 9, 16])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_evaluation_counts_every_row_once(total, count, make_cache):
    cache, seen, lengths = make_cache(total), [], []
    for index in range(count):
        process = Process(index=index, count=count)
        shares = list(EvalBatches(cache, EvalTransform(4), batch_size=4, process=process))
        seen += list(chain(*(batch.labels[batch.valid].tolist() for batch in shares)))
        lengths.append([len(batch.labels) for batch in shares])
    assert sorted(seen) == list(range(total))
    assert all(length == lengths[0] for length in lengths)


def test_evaluation_keeps_the_order(make_cache):
    batches = EvalBatches(make_cache(10), EvalTransform(4), batch_size=4)
    assert labels_of(batches) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert len(batches) == 3
    assert labels_of(batches) == labels_of(batches)
