from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from vpns_hf.data import Crops, EvalTransform, TrainTransform
from vpns_hf.data.take import Take
from vpns_hf.errors import InputError


def random_images(count: int, height: int, width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (count, 3, height, width), generator=generator, dtype=torch.uint8)


def resized_by_pil(image: torch.Tensor, size: int) -> Image.Image:
    return Image.fromarray(image.permute(1, 2, 0).numpy()).resize((size, size), Image.Resampling.BILINEAR)


def cropped_by_pil(images: torch.Tensor, transform: TrainTransform, crops: Crops) -> torch.Tensor:
    size, batch = transform.image_size, []
    for row, image in enumerate(images):
        top, left = int(crops.top[row]), int(crops.left[row])
        cut = resized_by_pil(image, transform.resize_size).crop((left, top, left + size, top + size))
        cut = ImageOps.mirror(cut) if row >= len(images) - crops.mirrored else cut
        batch.append(np.asarray(cut, dtype=np.float32).transpose(2, 0, 1) / 255)
    return torch.from_numpy(np.stack(batch))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("source", [(32, 32), (20, 50), (80, 60), (72, 72)])
def test_training_images_equal_pil(source):
    transform = TrainTransform(64)
    images = random_images(20, *source)
    rows, crops = transform.plan(20, generator()).take(torch.arange(20))
    assert 0 < crops.mirrored < 20
    result = transform(Take(images, rows), crops)
    difference = (result - cropped_by_pil(images[rows], transform, crops)).abs()
    assert difference.max() < 1.01 / 255
    assert difference.mean() < 0.5 / 255


@pytest.mark.parametrize("source", [(8, 8), (20, 50), (80, 60), (24, 24)])
def test_evaluation_images_equal_pil(source):
    images = random_images(5, *source)
    expected = torch.from_numpy(np.stack([np.asarray(resized_by_pil(image, 24)) for image in images]))
    difference = (EvalTransform(24)(Take(images)) - expected.permute(0, 3, 1, 2) / 255).abs()
    assert difference.max() < 1.01 / 255


@pytest.mark.parametrize("source", [24, 11])
def test_output_is_float_in_unit_range_with_channels_last(source):
    white = torch.full((2, 3, source, source), 255, dtype=torch.uint8)
    result = EvalTransform(24)(Take(torch.cat([white, white * 0])))
    assert result.dtype == torch.float32
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert result.max() == 1
    assert result[:2].min() > 1 - 1e-5
    assert result[2:].abs().max() == 0


def test_resize_size_is_nine_eighths():
    assert [TrainTransform(size).resize_size for size in (224, 64, 15)] == [252, 72, 16]
    assert EvalTransform(224).resize_size == 224


def test_plan_uses_every_place_and_both_directions():
    plan = TrainTransform(16).plan(500, generator())
    assert set(plan.top.tolist()) == set(plan.left.tolist()) == {0, 1, 2}
    assert 200 < plan.flip.sum() < 300
    assert not torch.equal(plan.top, plan.left)


@pytest.mark.parametrize("source", [4, 9])
def test_images_too_small_to_crop_are_still_mirrored(source):
    images = random_images(2, source, source).repeat(2, 1, 1, 1)
    corner = torch.zeros(4, dtype=torch.int64)
    result = TrainTransform(4)(Take(images), Crops(corner, corner, 2))
    assert torch.allclose(result[2:], result[:2].flip(3))


def test_flip_can_be_off():
    assert TrainTransform(16, flip=False).plan(500, generator()).flip is None


def test_take_moves_mirrored_rows_last_and_keeps_order():
    plan = TrainTransform(16).plan(6, generator())._replace(flip=torch.tensor([1, 0, 0, 1, 0, 1]).bool())
    rows, crops = plan.take(torch.tensor([5, 4, 0, 2]))
    assert rows.tolist() == [4, 2, 5, 0]
    assert crops.mirrored == 2
    assert crops.top.tolist() == plan.top[rows].tolist()


def test_precision_is_kept_under_autocast():
    images = random_images(2, 8, 8)
    plain = EvalTransform(20)(Take(images))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(EvalTransform(20)(Take(images)), plain)


@pytest.mark.parametrize("transform", [TrainTransform, EvalTransform])
def test_image_size_must_be_positive(transform):
    with pytest.raises(InputError, match="image_size is 0"):
        transform(0)
