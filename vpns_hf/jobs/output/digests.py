"""Digests that tell whether a model or a data set is still the one a job was started with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from ...data import ImageSource, StreamIndex
from ..data import Images

SAMPLE = 16  # images; one that was exchanged in a large data set is not noticed, one that was added or removed is


def digest_of_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Returns a digest of names, types, shapes and values."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:12]


def digest_of_images(images: ImageSource, sample: int = SAMPLE) -> str:
    """Returns a digest of all labels in order and of a sample of the images, evenly spread."""
    rows = torch.linspace(0, len(images) - 1, min(sample, len(images))).round().long()
    seen = {"images": images.read(rows)} if len(rows) else {}
    return digest_of_tensors({"labels": images.labels, **seen})


def counted_digest(images: ImageSource, sample: int = SAMPLE) -> str:
    """Returns how many images there are, and their digest."""
    return f"{len(images)} ({digest_of_images(images, sample)})"


def digests_of_data(images: Images, streams: StreamIndex | None) -> dict[str, str]:
    """Returns how many images each split has and what they are, and of streams where the pieces begin.

    The order of an epoch follows from these pieces. Of streams all labels are compared, but no image: each would be
    read up to from the start of its piece.
    """
    digests = {}
    for split in ("train", "validation", "test"):
        source = getattr(images, split)
        if source is not None:
            digests[f"{split} images"] = counted_digest(source, SAMPLE if streams is None else 0)
    if streams is not None:
        starts = {name: torch.from_numpy(split.starts) for name, split in streams.splits.items()}
        digests["groups of rows"] = digest_of_tensors(starts)
    return digests


def digest_of_file(path: Path) -> str | None:
    """Returns the SHA-256 of a file; None if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return digest_of_stream(file)
    except OSError:
        return None


def digest_of_stream(file: BinaryIO) -> str:
    """Returns the SHA-256 of what is left to read of a binary file."""
    digest = hashlib.sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()
