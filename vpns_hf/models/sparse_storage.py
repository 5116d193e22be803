"""How masked weights are written to disk: the kept values and one bit per weight.

Layout, version 1. For a masked layer with weight key `K` (for example `backbone.classifier.1.weight`) the file holds, instead
of `K` and `K_mask`:

- `K_bits`: uint8, ceil(n / 8) bytes; bit i % 8 (least significant first) of byte i // 8 says whether weight i of the n weights, in
  row-major order, is kept; the bits after the last weight are 0;
- `K_values`: the kept values in row-major order, in the dtype of the weight (`sparse=True`), or
- `K`: the weight as a plain tensor with zeros where it is pruned (`sparse=False`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor

STORAGE_VERSION = 1
MASK, BITS, VALUES = "_mask", "_bits", "_values"


def pack_state_dict(state_dict: Mapping[str, Tensor], weight_keys: Iterable[str], sparse: bool) -> dict[str, Tensor]:
    """Returns a state dict in the layout on disk: pruned weights are exactly 0 or absent, masks are bits.

    Args:
        state_dict: tensors of the model, among them `K` and `K_mask` for each K of `weight_keys`.
        weight_keys: names of the masked weights.
        sparse: whether to store kept values only, or plain tensors.
    """
    packed = dict(state_dict)
    for key in weight_keys:
        weight, mask = packed.pop(key), packed.pop(key + MASK)
        packed[key + BITS] = pack_bits(mask)
        if sparse:
            packed[key + VALUES] = weight.flatten()[mask.flatten()]  # one index per value, not one per dimension
        else:
            packed[key] = weight.masked_fill(~mask, 0)
    return packed


def unpack_state_dict(packed: Mapping[str, Tensor], shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """Returns the state dict that `pack_state_dict` was given; entries that are not packed stay as they are.

    Args:
        packed: tensors as read from disk.
        shapes: shape of every weight of the model, by key.

    Raises:
        ValueError: if bits, values and shapes contradict each other; the message names the tensor.
    """
    state_dict = dict(packed)
    for key in [name.removesuffix(BITS) for name in packed if name.endswith(BITS)]:
        if key not in shapes:
            continue
        mask = unpack_bits(state_dict.pop(key + BITS), shapes[key], key)
        state_dict[key + MASK] = mask
        if key + VALUES in state_dict and key in state_dict:
            raise ValueError(f"the checkpoint holds both {key} and {key}{VALUES}: it is damaged")
        if key + VALUES in state_dict:
            state_dict[key] = _scatter(state_dict.pop(key + VALUES), mask, key)
    return state_dict


def pack_bits(mask: Tensor) -> Tensor:
    """Packs a bool tensor of n entries into ceil(n / 8) bytes (uint8), row-major, least significant bit first."""
    return torch.from_numpy(np.packbits(mask.detach().cpu().flatten().numpy(), bitorder="little"))


def unpack_bits(bits: Tensor, shape: torch.Size, key: str) -> Tensor:
    """Returns the bool tensor of `shape` that `pack_bits` packed.

    Raises:
        ValueError: if the number of bytes does not fit the shape or a bit after the last entry is set.
    """
    count = shape.numel()
    if bits.dtype != torch.uint8 or bits.shape != (-(-count // 8),):
        raise ValueError(
            f"{key}{BITS} holds {tuple(bits.shape)} {bits.dtype}; a mask of shape {tuple(shape)} needs "
            f"{-(-count // 8)} bytes: the checkpoint is damaged or of another model"
        )
    flat = np.unpackbits(bits.cpu().numpy(), bitorder="little")
    if flat[count:].any():
        raise ValueError(f"{key}{BITS} has bits set after its last weight: the checkpoint is damaged")
    return torch.from_numpy(flat[:count].view(np.bool_)).view(shape)


def _scatter(values: Tensor, mask: Tensor, key: str) -> Tensor:
    kept = int(mask.sum())
    if values.shape != (kept,):
        raise ValueError(
            f"{key}{VALUES} holds {tuple(values.shape)} values for {kept} kept weights: the checkpoint is damaged"
        )
    weight = torch.zeros(mask.shape, dtype=values.dtype)
    weight[mask] = values
    return weight
