"""The decoded images of a data set as large as CIFAR-10: how long they take to make and to open, and what memory they take."""

from __future__ import annotations

import io
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import datasets
import numpy as np
from PIL import Image

from vpns_hf.data import Columns, ImageCache, TrainBatches, TrainTransform, cache_images

from .input import encoded_images

COUNT, SIZE, IMAGE_SIZE, BATCH, EPOCHS = 60_000, 32, 32, 256, 6


def benchmark_cache() -> list[dict]:
    """Time the first and the second start beside one pass of decoding every image with PIL, and watch the memory.

    Returns:
        One dict per figure: `name`; `ours` and `reference` in seconds, or MB resident after the last and after the
        first of several epochs; `unit`; their `ratio`.
    """
    files = encoded_images(SIZE, "PNG")
    files = [files[row % len(files)] for row in range(COUNT)]
    split = _as_split(files)
    with tempfile.TemporaryDirectory() as folder:
        first, _ = _timed(lambda: _open(split, folder))
        reference, _ = _timed(lambda: [_decode(file) for file in files])
        second, cache = _timed(lambda: _open(split, folder))
        resident = [_resident_after_epoch(cache, epoch) for epoch in range(EPOCHS)]
    return [
        _row(f"first start, {COUNT:,} images of {SIZE} px", first, reference, "s"),
        _row("second start", second, reference, "s"),
        _row(f"resident memory after epoch {EPOCHS}, beside epoch 1", resident[-1], resident[0], "MB"),
    ]


def _as_split(files: list[bytes]) -> datasets.Dataset:
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    columns = {"image": [{"bytes": file, "path": None} for file in files], "label": [0] * len(files)}
    return datasets.Dataset.from_dict(columns, features=features)


def _open(split: datasets.Dataset, folder: str) -> ImageCache:
    size = TrainTransform(IMAGE_SIZE).resize_size
    return cache_images(split, Columns("image", "label"), size, cache_dir=folder, disable_progress=True)


def _decode(file: bytes) -> np.ndarray:
    size = TrainTransform(IMAGE_SIZE).resize_size
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB").resize((size, size), Image.Resampling.BILINEAR))


def _resident_after_epoch(cache: ImageCache, epoch: int) -> float:
    batches = TrainBatches(cache, TrainTransform(IMAGE_SIZE), batch_size=BATCH, seed=0, stream="plain")
    for _ in batches.epoch(epoch):
        pass
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1000


def _timed(call: Callable[[], object]) -> tuple[float, object]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def _row(name: str, ours: float, reference: float, unit: str) -> dict:
    return {"name": name, "ours": ours, "reference": reference, "unit": unit, "ratio": ours / reference}
