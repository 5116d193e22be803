from __future__ import annotations

import pytest
import torch

from vpns_hf.data import EvalTransform, TrainTransform
from vpns_hf.data.take import Take

ROWS = torch.tensor([4, 0, 4, 2])


def some_images(channels_last: bool = True) -> torch.Tensor:
    images = torch.randint(256, (6, 3, 9, 9), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return images.contiguous(memory_format=torch.channels_last) if channels_last else images


@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("transform", [TrainTransform(8), TrainTransform(9), EvalTransform(9), EvalTransform(5)])
def test_rows_of_many_images_give_what_copies_of_them_give(transform, channels_last):
    images = some_images(channels_last)
    rows, crops = transform.plan(6, torch.Generator().manual_seed(1)).take(ROWS)
    assert torch.equal(transform(Take(images, rows), crops), transform(Take(images[rows]), crops))


def test_rows_are_read_where_they_lie():
    images = some_images()
    pixels, rows = Take(images, ROWS).in_place()
    assert pixels.data_ptr() == images.data_ptr()
    assert rows is ROWS


@pytest.mark.parametrize("rows", [ROWS, None])
def test_picked_are_the_rows_with_channels_last(rows):
    images = some_images()
    selection = Take(images, rows)
    expected = images if rows is None else images[rows]
    assert torch.equal(selection.picked(), expected.permute(0, 2, 3, 1))
    assert len(selection) == len(expected)
    assert selection.size == (9, 9)


def test_another_device_gets_the_rows_alone():
    moved = Take(some_images(), ROWS).to(torch.device("meta"))
    assert moved.images.shape == (4, 3, 9, 9)
    assert moved.rows is None


def test_the_same_device_gets_no_copy():
    selection = Take(some_images(), ROWS)
    assert selection.to(torch.device("cpu")) is selection
