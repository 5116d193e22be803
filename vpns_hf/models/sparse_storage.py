"""How masked weights are written to disk: the kept values and one bit per weight.

Layout, version 2. For a masked layer with weight key `K` (for example `backbone.classifier.1.weight`) the file holds, instead
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

STORAGE_VERSION = 2
MASK, BITS, VALUES = "_mask", "_bits", "_values"
BLOCK = 2**18  # weights restored at a time, so that their positions stay in the processor's cache


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
    keys = [name.removesuffix(BITS) for name in packed if name.endswith(BITS) and name.removesuffix(BITS) in shapes]
    packed_names = {key + leaf for key in keys for leaf in (BITS, VALUES)}
    state_dict = {name: tensor for name, tensor in packed.items() if name not in packed_names}
    for key in keys:
        state_dict.update(_unpack_layer(packed, key, shapes[key]))
    return state_dict


def unpacked_names(names: Iterable[str], shapes: Mapping[str, torch.Size]) -> set[str]:
    """Returns the keys of the state dict that tensors of these names unpack to; strangers stay as they are."""
    unpacked = set()
    for name in names:
        if name.endswith(BITS) and name.removesuffix(BITS) in shapes:
            name = name.removesuffix(BITS) + MASK
        elif name.endswith(VALUES) and name.removesuffix(VALUES) in shapes:
            name = name.removesuffix(VALUES)
        unpacked.add(name)
    return unpacked


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


def _unpack_layer(packed: Mapping[str, Tensor], key: str, shape: torch.Size) -> dict[str, Tensor]:
    mask = unpack_bits(packed[key + BITS], shape, key)
    if key + VALUES not in packed:
        return {key + MASK: mask}
    if key in packed:
        raise ValueError(f"the checkpoint holds both {key} and {key}{VALUES}: it is damaged")
    return {key: _scatter(packed[key + VALUES], mask, key), key + MASK: mask}


def _scatter(values: Tensor, mask: Tensor, key: str) -> Tensor:
    """Returns the weight with `values` where the mask is True; a third of the time of `weight[mask] = values`."""
    kept, flat = int(np.count_nonzero(mask.numpy())), mask.numpy().reshape(-1)
    if values.shape != (kept,):
        raise ValueError(
            f"{key}{VALUES} holds {tuple(values.shape)} values for {kept} kept weights: the checkpoint is damaged"
        )
    source = values.view(_INTEGERS[values.element_size()]).numpy()  # NumPy has no bfloat16
    weight = np.zeros(flat.shape, source.dtype)  # NumPy's memory comes in huge pages where the system has them
    for start in range(0, len(flat), BLOCK):
        positions = np.flatnonzero(flat[start : start + BLOCK])
        values_here, source = source[: len(positions)], source[len(positions) :]
        weight[start : start + BLOCK][positions] = values_here
    return torch.from_numpy(weight).view(values.dtype).view(mask.shape)


_INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
