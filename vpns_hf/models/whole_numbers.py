"""Tensors of whole numbers or truth values that take part in averages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class WholeNumbers(Tensor):
    """A view of an integer or bool tensor which is rounded to where an average is written to it, and can be subtracted.

    A plain integer tensor cuts off: 0.999 * 3 + 0.001 * 3, a little below 3 in float32, becomes 2. Plain bool tensors
    cannot be subtracted. In a file it is a plain tensor.
    """

    @classmethod
    def __torch_function__(
        cls, func: Callable, types: tuple[type, ...], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is Tensor.copy_ and args[1].is_floating_point() and not args[0].is_floating_point():
            args = (args[0], args[1].round(), *args[2:])
        elif func.__name__.lstrip("_") in ("sub__", "rsub__", "sub", "foreach_sub"):
            args = tuple(_number(argument) for argument in args)
        elif func.__name__ == "_foreach_addcdiv_":
            return [tensor.copy_(tensor + number / by) for tensor, number, by in zip(*args[:3], strict=True)]
        elif func is Tensor.__deepcopy__:
            return args[0].clone()
        elif func is Tensor.__reduce_ex__:
            return args[0].as_subclass(Tensor).__reduce_ex__(args[1])
        return super().__torch_function__(func, types, args, kwargs or {})


def _number(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_number(entry) for entry in value]
    return value.to(torch.int64) if isinstance(value, Tensor) and value.dtype == torch.bool else value
