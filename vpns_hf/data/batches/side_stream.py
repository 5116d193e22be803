"""Batches prepared on a GPU while it works on the ones before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

import torch

B = TypeVar("B", bound=tuple)


class Lane(Protocol):
    """Where batches are prepared."""

    def entered(self) -> AbstractContextManager:
        """What is done in the block does not wait for the work on other batches."""

    def hand_over(self, batch: tuple) -> None:
        """Lets whoever takes the batch wait until it is ready."""


class CudaLane:
    """A CUDA stream: copies from pinned memory and kernels on it run beside those of the training step."""

    def __init__(self, device: torch.device):
        self._device = device
        self._stream = torch.cuda.Stream(device)

    def entered(self) -> AbstractContextManager:
        """Work of the block goes to the stream."""
        return torch.cuda.stream(self._stream)

    def hand_over(self, batch: tuple) -> None:
        """The current stream waits, and the memory is not given to others before that stream is done with it."""
        current = torch.cuda.current_stream(self._device)
        current.wait_stream(self._stream)
        for tensor in batch:
            if tensor is not None:
                tensor.record_stream(current)


LANES: dict[str, Callable[[torch.device], Lane]] = {"cuda": CudaLane}


def on_a_side_stream(batches: Iterator[B], device: torch.device) -> Iterator[B]:
    """Returns the same batches; on a GPU each is begun before the one before it is handed out."""
    if device.type not in LANES:
        return batches
    return one_ahead(batches, LANES[device.type](device))


def one_ahead(batches: Iterator[B], lane: Lane) -> Iterator[B]:
    """Yields the same batches in the same order, each prepared on `lane` before the one before it is handed out.

    What goes wrong is raised in place of the batch it concerns.
    """
    coming = _prepared(batches, lane)
    while coming is not None:
        now, error = coming
        if error is not None:
            raise error
        lane.hand_over(now)
        coming = _prepared(batches, lane)
        yield now


def _prepared(batches: Iterator[B], lane: Lane) -> tuple[Any, Exception | None] | None:
    """Returns the next batch, or what went wrong with it; None at the end."""
    try:
        with lane.entered():
            return next(batches), None
    except StopIteration:
        return None
    except Exception as error:
        return None, error
