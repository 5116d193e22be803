"""The input side against a plain PIL pipeline: images per second on one core."""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable

import datasets
import numpy as np
import torch
from PIL import Image, ImageOps

from vpns_hf.data import Columns, CropPlan, ImageCache, TrainBatches, TrainTransform, cache_images
from vpns_hf.data.take import Take

BATCH = 256
# The cache holds several batches, more than fits into the caches of a core, as that of a real data set does.
BATCHES = 16
CASES = ((64, 64, "PNG"), (64, 64, "JPEG"), (32, 224, "PNG"), (32, 224, "JPEG"))


def benchmark_input(rounds: int = 5) -> list[dict]:
    """Time training batches from the uint8 cache against decoding and augmenting each image with PIL and NumPy.

    Both sides run in turn on one core and must give the same pixels; the best of several rounds of each counts.

    Args:
        rounds: for each side.

    Returns:
        One dict per case: `name`; `ours` and `reference` in images per second per core, `unit`; their `ratio`; and
        `mean_difference`, the mean absolute difference of the pixels in [0, 1].

    Raises:
        AssertionError: the pixels differ by 1/255 or more on average.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [_compare(*case, rounds) for case in CASES]
    finally:
        torch.set_num_threads(threads)


def _compare(source: int, image_size: int, file_format: str, rounds: int) -> dict:
    transform = TrainTransform(image_size)
    files = encoded_images(source, file_format)
    plan = transform.plan(len(files), torch.Generator().manual_seed(0))
    with tempfile.TemporaryDirectory() as folder:
        cache = _cached(files * BATCHES, transform.resize_size, folder)
        difference = _mean_difference(cache, files, transform, plan)
        assert difference < 1 / 255, f"the two sides differ by {difference} on average"
        batches = TrainBatches(cache, transform, batch_size=BATCH, seed=0, stream="plain")
        ours, reference = _best_rates(
            rounds,
            lambda: sum(len(batch.labels) for batch in batches.epoch(0)),
            lambda: len(_pil_batch(files, transform, plan)),
        )
    return {
        "name": f"input {source} px {file_format} to {image_size} px",
        "ours": ours,
        "reference": reference,
        "unit": "images/s/core",
        "ratio": ours / reference,
        "mean_difference": difference,
    }


def encoded_images(size: int, file_format: str) -> list[bytes]:
    """Smooth random images: unlike noise they compress, and decode, about as photos do."""
    generator = np.random.default_rng(0)
    files = []
    for _ in range(BATCH):
        coarse = Image.fromarray(generator.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        file = io.BytesIO()
        coarse.resize((size, size), Image.Resampling.BICUBIC).save(file, file_format)
        files.append(file.getvalue())
    return files


def _cached(files: list[bytes], size: int, folder: str) -> ImageCache:
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    columns = {"image": [{"bytes": file, "path": None} for file in files], "label": list(range(len(files)))}
    split = datasets.Dataset.from_dict(columns, features=features)
    return cache_images(split, Columns("image", "label"), size, cache_dir=folder, disable_progress=True)


def _pil_batch(files: list[bytes], transform: TrainTransform, plan: CropPlan) -> np.ndarray:
    """What a data loader without a cache does for every batch: float32 (B, 3, I, I) in [0, 1]."""
    resized, size = transform.resize_size, transform.image_size
    batch = []
    for file, top, left, flip in zip(files, *(values.tolist() for values in plan), strict=True):
        image = Image.open(io.BytesIO(file)).convert("RGB").resize((resized, resized), Image.Resampling.BILINEAR)
        image = image.crop((left, top, left + size, top + size))
        if flip:
            image = ImageOps.mirror(image)
        batch.append(np.asarray(image, dtype=np.float32).transpose(2, 0, 1) / 255)
    return np.stack(batch)


def _mean_difference(cache: ImageCache, files: list[bytes], transform: TrainTransform, plan: CropPlan) -> float:
    rows, crops = plan.take(torch.arange(len(files)))
    ours = transform(Take(cache.images, rows), crops)
    return float((ours - torch.from_numpy(_pil_batch(files, transform, plan))[rows]).abs().mean())


def _best_rates(rounds: int, *sides: Callable[[], int]) -> list[float]:
    """Images per second of each side, which returns how many it made; the sides take turns."""
    best = [0.0] * len(sides)
    for _ in range(rounds):
        for index, side in enumerate(sides):
            start = time.perf_counter()
            count = side()
            best[index] = max(best[index], count / (time.perf_counter() - start))
    return best
