"""Digests that tell whether a model or a data set is still the one a job was started with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from ...data import ImageSource, StreamIndex
from ...models import VPNsForImageClassification, class_names
from ..data import Images

OF_A_FILE = ("_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version")
SAMPLE = 16  # images; one that was exchanged in a large data set is not noticed, one that was added or removed is


def digest_of_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Returns a digest of names, types, shapes and values."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:12]


def digests_of_settings(model: VPNsForImageClassification) -> dict[str, str]:
    """Returns what of a model its tensors do not tell: what its network computes, how pixels are normalised, the classes of both."""
    network = model.backbone.config.to_diff_dict()
    for name in (*OF_A_FILE, "id2label", "label2id"):
        network.pop(name, None)
    config = model.config
    facts = {
        "network": network,
        "normalisation": [*config.image_mean, *config.image_std, config.channel_order],
        "classes": [class_names(model.backbone.config), class_names(config)],
    }
    return {
        name: hashlib.sha256(json.dumps(fact, sort_keys=True).encode()).hexdigest()[:12]
        for name, fact in facts.items()
    }


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
