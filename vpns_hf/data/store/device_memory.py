"""Whether decoded images move to the device that trains on them: as long as they fit, always or never."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from ...errors import InputError
from ...utils.text import megabytes
from ..images import ImageCache, ImageSource

logger = logging.getLogger(__name__)

# By itself a job leaves half of what is free to weights, gradients and activations.
LARGEST_SHARE = 0.5
# Bytes that are free, by type of device; others share the memory of the host, or do not tell.
FREE_BYTES: dict[str, Callable[[torch.device], int]] = {"cuda": lambda device: torch.cuda.mem_get_info(device)[0]}


def move_what_fits(needed: int, free: int) -> bool:
    """Returns whether images leave room for training."""
    return needed <= LARGEST_SHARE * free


def move_all(needed: int, free: int) -> bool:
    """Moves the images.

    Raises:
        InputError: they do not fit.
    """
    if needed > free:
        raise InputError(
            f"the decoded images need {megabytes(needed)} on the device, where {megabytes(free)} are free; "
            "leave them on disk with data_on_device auto or no"
        )
    return True


def move_none(needed: int, free: int) -> bool:
    """Leaves the images where they are."""
    return False


DATA_ON_DEVICE: dict[str, Callable[[int, int], bool]] = {"auto": move_what_fits, "yes": move_all, "no": move_none}


def on_device(sources: Sequence[ImageSource], device: torch.device, choice: str) -> list[ImageSource]:
    """Returns the sources with their images on `device`, the first first, as long as the choice says so.

    Images that are not kept decoded stay what they are, and so do all where the device is the CPU.

    Args:
        sources: which may share images.
        device: that trains.
        choice: one of `DATA_ON_DEVICE`.

    Raises:
        InputError: images are to be moved whatever their size, and do not fit.
    """
    if device.type not in FREE_BYTES:
        return list(sources)
    free, moved = FREE_BYTES[device.type](device), {}
    for source in sources:
        key = _memory(source)
        if key is None or key in moved:
            continue
        if DATA_ON_DEVICE[choice](source.images.nbytes, free):
            moved[key] = _moved(source.images, device)
            free -= source.images.nbytes
    logger.info("%d of %d sets of images are on %s", len(moved), len(sources), device)
    return [replace(s, images=moved[_memory(s)]) if _memory(s) in moved else s for s in sources]


def _memory(source: ImageSource) -> int | None:
    """Tells images apart; None where none are kept."""
    return source.images.data_ptr() if isinstance(source, ImageCache) else None


def _moved(images: torch.Tensor, device: torch.device) -> torch.Tensor:
    return images.permute(0, 2, 3, 1).to(device).permute(0, 3, 1, 2)
