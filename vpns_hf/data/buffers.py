"""Memory for batches, used again once nobody looks at it.

A fresh batch of 224-pixel images costs more time in page faults than in arithmetic.
"""

from __future__ import annotations

import math
import threading
import weakref

import numpy as np
import torch

# Of batches that a thread prepares one is in use, one ready and one in the making; no more are made than are needed.
LIMIT = 3


class BufferPool:
    """Hands out float32 tensors on the CPU, to any thread.

    Args:
        limit: how many buffers are kept.
    """

    def __init__(self, limit: int = LIMIT):
        self._limit = limit
        self._buffers: list[_Buffer] = []
        self._lock = threading.Lock()

    def take(self, shape: tuple[int, ...]) -> torch.Tensor:
        """An uninitialised tensor of this shape that shares memory with no tensor in use."""
        count = math.prod(shape)
        with self._lock:
            return self._free(count).lend(count).view(shape)

    def _free(self, count: int) -> _Buffer:
        for buffer in self._buffers:
            if buffer.is_free and buffer.size >= count:
                return buffer
        fresh = _Buffer(count)
        self._buffers = [*self._buffers, fresh][-self._limit :]
        return fresh


class _Buffer:
    """Memory that is lent to one tensor at a time.

    A tensor made from a NumPy array keeps that array alive for as long as it, a view of it or an autograd graph needs
    the storage. Each loan is an array of its own over the same memory: when it is gone, the memory may be overwritten.
    """

    def __init__(self, size: int):
        self.size = size
        self._memory = np.empty(size, dtype=np.float32)
        self._lent: weakref.ref[np.ndarray] | None = None

    @property
    def is_free(self) -> bool:
        return self._lent is None or self._lent() is None

    def lend(self, count: int) -> torch.Tensor:
        """The first `count` numbers, until the last tensor that shares them is gone."""
        loan = self._memory[:count]
        self._lent = weakref.ref(loan)
        return torch.from_numpy(loan)
