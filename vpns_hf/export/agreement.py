"""Whether a file computes what the model computes, on noise and on photographs, in batches of several sizes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.cbook import get_sample_data
from PIL import Image
from torch import Tensor

from ..errors import InputError
from .classifier import Classify, Library

BATCHES = (1, 2, 5)
NOISE, PHOTOGRAPHS = "noise", "photographs"
TOLERANCE = 1e-4  # of the largest logit, or of 1 where all are smaller
PHOTOGRAPH = "grace_hopper.jpg"  # comes with matplotlib


class Pictures(NamedTuple):
    """A batch, float32 (B, 3, I, I) in [0, 1], and what it shows."""

    kind: str
    pixels: Tensor


def check_agreement(found: Classify, expected: Classify, image_size: int, library: Library) -> float:
    """Compares logits; returns the largest difference. The classes are then the same where no two logits tie.

    Args:
        found: of a file.
        expected: of the model.
        image_size: side of the pictures, in pixels.
        library: that runs the file.

    Raises:
        InputError: if logits differ by more than `TOLERANCE`.
    """
    try:
        return max(_difference(found, expected, pictures) for pictures in check_pictures(image_size))
    except InputError as error:
        raise InputError(
            f"{library.name} does not compute what the model does: {error}; nothing was written: try another version of torch or "
            f"{library.package}, or give a --layout instead"
        ) from error


def check_classes(found: Classify, expected: Classify, image_size: int, library: Library) -> tuple[int, int]:
    """Returns how many photographs a file of 8 bits gives the class of the model, and how many there are.

    Args: as of `check_agreement`.

    Raises:
        InputError: if the class of a picture depends on the batch that it is in.
    """
    same, images = 0, 0
    for kind, pixels in check_pictures(image_size):
        classes = found(pixels).argmax(1)
        alone = torch.cat([found(picture[None]).argmax(1) for picture in pixels])
        if not torch.equal(classes, alone):
            raise InputError(
                f"with 8 bits {library.name} gives {kind} in a batch of {len(pixels)} other classes than alone; nothing was "
                f"written: leave out --int8, or try another version of {library.package}"
            )
        if kind == PHOTOGRAPHS:
            same, images = same + int((classes == expected(pixels).argmax(1)).sum()), images + len(pixels)
    return same, images


def check_pictures(image_size: int) -> Iterator[Pictures]:
    """Yields seeded noise and pieces of a photograph, in batches of 1, 2 and 5."""
    random = np.random.default_rng(0)
    with Image.open(get_sample_data(PHOTOGRAPH, asfileobj=False)) as photograph:
        for count in BATCHES:
            noise = random.random((count, 3, image_size, image_size), dtype=np.float32)
            pieces = [_piece(photograph, image_size, random) for _ in range(count)]
            yield Pictures(NOISE, torch.from_numpy(noise))
            yield Pictures(PHOTOGRAPHS, torch.from_numpy(np.stack(pieces)))


def _piece(photograph: Image.Image, image_size: int, random: np.random.Generator) -> np.ndarray:
    side = int(random.integers(min(photograph.size) // 3, min(photograph.size)))
    left, top = (int(random.integers(length - side)) for length in photograph.size)
    piece = photograph.convert("RGB").crop((left, top, left + side, top + side))
    resized = piece.resize((image_size, image_size), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float32).transpose(2, 0, 1) / 255


def _difference(found: Classify, expected: Classify, pictures: Pictures) -> float:
    ours, theirs = found(pictures.pixels), expected(pictures.pixels)
    batch = f"{pictures.kind} in a batch of {len(pictures.pixels)}"
    if ours.shape != theirs.shape:
        raise InputError(f"{tuple(ours.shape)} logits instead of {tuple(theirs.shape)} for {batch}")
    allowed = TOLERANCE * max(1.0, float(theirs.abs().max()))
    difference = float((ours - theirs).abs().max())
    if not difference <= allowed:  # nor of what is no number
        raise InputError(f"logits differ by {difference:.2g} for {batch}, allowed: {allowed:.2g}")
    return difference
