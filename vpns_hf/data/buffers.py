"""Memory for batches, used again once nobody looks at it.

A fresh batch of 224-pixel images costs more time in page faults than in arithmetic.
"""

from __future__ import annotations

import math
import sys

import numpy as np
import torch

# A free array is known to the pool's list, to the loop variable and to getrefcount's argument.
FREE = 3


class BufferPool:
    """Hands out float32 tensors on the CPU.

    A tensor made from a NumPy array keeps the array alive for as long as it, a view of it or an autograd graph
    needs the storage: the reference count of the array tells whether it may be overwritten.

    Args:
        limit: how many buffers are kept.
    """

    def __init__(self, limit: int = 2):
        self._limit = limit
        self._arrays: list[np.ndarray] = []

    def take(self, shape: tuple[int, ...]) -> torch.Tensor:
        """An uninitialised tensor of this shape that shares memory with no tensor in use."""
        count = math.prod(shape)
        return torch.from_numpy(self._array(count))[:count].view(shape)

    def _array(self, count: int) -> np.ndarray:
        for array in self._arrays:
            if sys.getrefcount(array) == FREE and array.size >= count:
                return array
        fresh = np.empty(count, dtype=np.float32)
        self._arrays = [*self._arrays, fresh][-self._limit :]
        return fresh
