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
    for key in keys:
        if key + VALUES in packed and key in packed:
            raise ValueError(f"the checkpoint holds both {key} and {key}{VALUES}: it is damaged")
    masks = _unpack_masks({key: packed[key + BITS] for key in keys}, shapes)
    weights = _scatter({key: packed[key + VALUES] for key in keys if key + VALUES in packed}, masks)
    packed_names = {key + leaf for key in keys for leaf in (BITS, VALUES)}
    plain = {name: tensor for name, tensor in packed.items() if name not in packed_names}
    return {**plain, **weights, **{key + MASK: mask for key, mask in masks.items()}}


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
    return _unpack_masks({key: bits}, {key: shape})[key]


def _unpack_masks(bits: Mapping[str, Tensor], shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    for key, layer_bits in bits.items():
        _check_bits(layer_bits, shapes[key], key)
    together = np.concatenate([np.empty(0, np.uint8), *(layer_bits.cpu().numpy() for layer_bits in bits.values())])
    flat = np.unpackbits(together, bitorder="little").view(np.bool_)  # all at once, see _Memory
    masks, start = {}, 0
    for key, layer_bits in bits.items():
        count, end = shapes[key].numel(), start + 8 * len(layer_bits)
        if flat[start + count : end].any():
            raise ValueError(f"{key}{BITS} has bits set after its last weight: the checkpoint is damaged")
        masks[key] = torch.from_numpy(flat[start : start + count]).view(shapes[key])
        start = end
    return masks


def _check_bits(bits: Tensor, shape: torch.Size, key: str) -> None:
    needed = -(-shape.numel() // 8)
    if bits.dtype != torch.uint8 or bits.shape != (needed,):
        raise ValueError(
            f"{key}{BITS} holds {tuple(bits.shape)} {bits.dtype}; a mask of shape {tuple(shape)} needs "
            f"{needed} bytes: the checkpoint is damaged or of another model"
        )


def _scatter(values: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns weights with `values` where the masks are True, in a third of the time of `weight[mask] = values`."""
    memory = _Memory(masks[key].numel() * layer_values.element_size() for key, layer_values in values.items())
    weights = {}
    for key, layer_values in values.items():
        mask = masks[key]
        kept = int(np.count_nonzero(mask.numpy()))
        if layer_values.shape != (kept,):
            raise ValueError(
                f"{key}{VALUES} holds {tuple(layer_values.shape)} values for {kept} kept weights: the checkpoint is damaged"
            )
        source = layer_values.cpu().view(_INTEGERS[layer_values.element_size()]).numpy()  # NumPy has no bfloat16
        weight = memory.take(mask.numel(), source.dtype)
        _fill(weight, mask.numpy().reshape(-1), source)
        weights[key] = torch.from_numpy(weight).view(layer_values.dtype).view(mask.shape)
    return weights


def _fill(weight: np.ndarray, mask: np.ndarray, values: np.ndarray) -> None:
    taken = 0
    for start in range(0, len(mask), BLOCK):
        positions = np.flatnonzero(mask[start : start + BLOCK])
        weight[start : start + BLOCK][positions] = values[taken : taken + len(positions)]
        taken += len(positions)


class _Memory:
    """Zeros for many arrays in one block, each with an address and an end of its own.

    The system hands out large blocks in huge pages, whose first use takes a quarter of the time of as many small pages.
    """

    def __init__(self, sizes: Iterable[int]) -> None:
        self._block = np.zeros(sum(map(self._padded, sizes)), np.uint8)
        self._used = 0

    @staticmethod
    def _padded(size: int) -> int:
        return -(-size // 64) * 64

    def take(self, count: int, dtype: np.dtype) -> np.ndarray:
        size = count * dtype.itemsize
        part = self._block[self._used : self._used + size].view(dtype)
        self._used += self._padded(size)
        return part


_INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
