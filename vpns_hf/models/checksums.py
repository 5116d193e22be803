"""Checksums of stored tensors: bits that flipped on the way are noticed, and the tensor is named."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

CHECKSUMS = "checksums"


def with_checksums(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the tensors and `checksums`: (n,) int64, one for each of the n tensors in the order of their sorted names."""
    names = sorted(tensors)
    sums = _checksums(tensors, names)
    return {**tensors, CHECKSUMS: torch.tensor(sums, dtype=torch.int64)}


def without_checksums(stored: Mapping[str, Tensor], required: bool) -> dict[str, Tensor]:
    """Returns the tensors that `with_checksums` was given.

    Args:
        stored: tensors as read from disk, of all files together.
        required: whether to refuse tensors without checksums.

    Raises:
        ValueError: if a tensor or its checksum has changed; the message names the tensor.
    """
    tensors = dict(stored)
    sums = tensors.pop(CHECKSUMS, None)
    if sums is None:
        if required:
            raise ValueError(
                f"the checkpoint has no {CHECKSUMS}: it is damaged, or of a version that vpns_hf 0.1.0 reads and saves anew"
            )
        return tensors
    names = sorted(tensors)
    if sums.shape != (len(names),) or sums.dtype != torch.int64:
        raise ValueError(
            f"{CHECKSUMS} holds {tuple(sums.shape)} {sums.dtype} for {len(names)} tensors: the checkpoint is damaged"
        )
    actual = _checksums(tensors, names)
    changed = [name for name, found, noted in zip(names, actual, sums.tolist(), strict=True) if found != noted]
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise ValueError(
            f"{changed[0]}{more} has changed since it was saved (checksum): the checkpoint is damaged, get it anew"
        )
    return tensors


def checksum(name: str, tensor: Tensor) -> int:
    """Returns the CRC-32 of name, dtype and shape, as in `a.weight float32 [3, 5]`, followed by the tensor's bytes."""
    head = f"{name} {str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
    content = tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
    return zlib.crc32(content, zlib.crc32(head.encode()))


def _checksums(tensors: Mapping[str, Tensor], names: Iterable[str]) -> list[int]:
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # zlib works without the interpreter's lock
        return list(pool.map(lambda name: checksum(name, tensors[name]), names))
