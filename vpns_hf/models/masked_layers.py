"""Convolutions and linear layers whose weight is multiplied by a mask.

The keys of `weight` and `bias` stay those of the plain layer; a persistent bool buffer `weight_mask` sits beside them.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear
from torch.overrides import TorchFunctionMode


def apply_mask(tensor: Tensor, mask: Tensor, out: Tensor | None = None) -> Tensor:
    """Returns `tensor` with +0.0 wherever the bool `mask` of the same shape is False.

    Multiplies the bit patterns as integers: an integer times 0 is all zero bits, where a float may become -0.0 or NaN,
    and `torch.where` takes ten times as long on a CPU.

    Args:
        tensor: of a real floating dtype of 2, 4 or 8 bytes.
        mask: bool, shaped like the tensor.
        out: a tensor like `tensor` to write to.

    Raises:
        ValueError: if the dtype is another one.
    """
    target = None if out is None else bit_pattern(out)
    return torch.mul(bit_pattern(tensor), mask, out=target).view(tensor.dtype)


def bit_pattern(tensor: Tensor) -> Tensor:
    """Returns the memory of `tensor`, of a real floating dtype of 2, 4 or 8 bytes, viewed as integers of that size.

    Raises:
        ValueError: if the dtype is another one.
    """
    if not tensor.is_floating_point() or tensor.element_size() not in _INTEGERS:
        raise ValueError(f"a tensor of {tensor.dtype} cannot be masked; allowed: float16, bfloat16, float32, float64")
    return tensor.view(_INTEGERS[tensor.element_size()])


_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


class _Masked(torch.autograd.Function):
    """The masked weight as a function of the weight: dL/dw = dL/d(w * m) * m."""

    generate_vmap_rule = True

    @staticmethod
    def forward(weight: Tensor, mask: Tensor) -> Tensor:
        return apply_mask(weight, mask)

    @staticmethod
    def setup_context(ctx, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])
        ctx.save_for_forward(inputs[1])

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        return _Masked.apply(grad, *ctx.saved_tensors), None  # differentiable once more

    @staticmethod
    def jvp(ctx, tangent: Tensor, _: None) -> Tensor:
        return _Masked.apply(tangent, *ctx.saved_tensors)


MANY_WEIGHTS = 2**13  # fewer are masked in no time


class _Folded:
    """What a layer looked like when its weight was found to be 0 wherever it is pruned; copies do not have it.

    Args:
        weight: that weight, which is held so that no other tensor can take its place in memory.
        mask: what it is pruned by, held as well.
    """

    def __init__(self, weight: Tensor, mask: Tensor) -> None:
        self._weight, self._mask, self._state = weight, mask, _state(weight, mask)
        self._values = _in_order_of_memory(
            weight.detach()
        ).numpy()  # NumPy takes a third of the time of PyTorch to begin
        self._zeros = _pruned_places(_in_order_of_memory(mask).numpy())

    def still_holds(self, weight: Tensor, mask: Tensor) -> bool:
        """Returns whether these are the same tensors as they were, as far as their versions and some values tell."""
        same = self._weight is weight and self._mask is mask and self._state == _state(weight, mask)
        return same and not self._values.take(self._zeros).any()

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()


def _in_order_of_memory(tensor: Tensor) -> Tensor:
    """Returns the values of a tensor, contiguous or channels-last, as they lie in memory, without a copy."""
    return (tensor if tensor.is_contiguous() else tensor.movedim(1, -1)).view(-1)


def _pruned_places(mask: np.ndarray, count: int = 8, width: int = 1024) -> np.ndarray:
    """Returns up to `count` pruned places near the beginning, the middle and the end: each page takes a walk to memory."""
    starts = (0, len(mask) // 2, len(mask) - width)
    return np.concatenate([start + np.flatnonzero(~mask[start : start + width])[:count] for start in starts])


def _state(weight: Tensor, mask: Tensor) -> tuple[int, ...]:
    return weight.data_ptr(), weight._version, mask.data_ptr(), mask._version  # noqa: SLF001


class MaskedLayer(nn.Module):
    """What `MaskedConv2d` and `MaskedLinear` share: the mask, and the weight that the forward pass uses."""

    weight: nn.Parameter
    weight_mask: Tensor
    _folded: _Folded | None = None

    @classmethod
    def from_plain(cls, layer: nn.Module) -> MaskedLayer:
        """Turns a plain layer into a masked one that keeps everything, in place, and returns it.

        The class is switched instead of building a new layer, so that no hyperparameter (padding mode, dilation, a
        missing bias) can be lost. The mask starts all True.
        """
        layer.__class__ = cls
        layer.register_buffer("weight_mask", torch.ones_like(layer.weight, dtype=torch.bool))
        return layer

    @classmethod
    def plain_class(cls) -> type[nn.Module]:
        """Returns the class of the layer without a mask."""
        return next(kind for kind in cls.__mro__ if not issubclass(kind, MaskedLayer))

    def register_parameter(self, name: str, param: nn.Parameter | None) -> None:
        """Registers a parameter, unless the weight would be computed from it anew, as by `torch.nn.utils.prune`.

        Raises:
            ValueError: if it does; the layer is as it was.
        """
        if name == "weight_orig":
            raise ValueError(
                "a masked layer takes no weight_orig, as of torch.nn.utils.prune or the older spectral_norm: it has a mask "
                "already. Change that in place, model.masks()[layer].logical_and_(mask), use "
                "parametrizations.spectral_norm, or take a plain copy: to_dense() or to_backbone()"
            )
        super().register_parameter(name, param)

    @property
    def qconfig(self) -> None:
        """Quantisation of PyTorch, which swaps plain layers alone and would leave this one out without a word."""
        raise AttributeError("a masked layer has no qconfig")

    @qconfig.setter
    def qconfig(self, value: object) -> None:
        raise ValueError("masked layers are not quantised; quantise the plain model: to_dense() or to_backbone()")

    @property
    def fan_in(self) -> int:
        """Number of inputs one output reads."""
        return self.weight[0].numel()

    @torch.no_grad()
    def masked(self) -> Tensor:
        """Returns a copy of the weight with exact zeros where the mask is False."""
        return apply_mask(self.weight, self.weight_mask)

    def effective_weight(self) -> Tensor:
        """Returns the weight that the forward pass uses, differentiable in the weight."""
        weight = self._untouched_weight()
        if torch.jit.is_tracing() or torch.compiler.is_compiling():
            return torch.where(self.weight_mask, weight, 0)
        if self.training or torch.is_grad_enabled() or type(weight) is not nn.Parameter:
            return _Masked.apply(weight, self.weight_mask)
        return weight if self._is_folded(weight) else self.masked()

    def _untouched_weight(self) -> Tensor:
        """Returns the weight without giving it away, see `__getattr__`."""
        weight = self._parameters.get("weight")
        return self.weight if weight is None else weight

    def _is_folded(self, weight: nn.Parameter) -> bool:
        """Whether inference need not mask the weight, since it is 0 wherever it is pruned, as that of a loaded model.

        Looks at all values once, and again after weight or mask were changed in place or replaced. A write by way of
        `weight.data` leaves no trace: all values are looked at after somebody has taken the weight, after `train`, `eval` and
        a save, and some of them every time, for those who hold it for long.
        """
        mask = self.weight_mask
        if self._folded is not None and self._folded.still_holds(weight, mask):
            return True
        same_order = weight.is_contiguous() == mask.is_contiguous()
        worth_it = weight.numel() >= MANY_WEIGHTS and same_order and _is_readable(weight) and _is_readable(mask)
        self._folded = _Folded(weight, mask) if worth_it and torch.equal(self.masked(), weight) else None
        return self._folded is not None

    def __getattr__(self, name: str) -> Any:
        if name == "weight":  # whoever takes it may write to it without a trace
            self.forget_content()
        return super().__getattr__(name)

    def forget_content(self) -> None:
        """Makes the next inference look at all values again."""
        self.__dict__.pop("_folded", None)

    def train(self, mode: bool = True) -> MaskedLayer:
        self.forget_content()
        return super().train(mode)


def _is_readable(tensor: Tensor) -> bool:
    """Whether values can be looked at: on a GPU they would have to be waited for, where masking takes no time."""
    dense = tensor.is_contiguous() or (tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last))
    ordinary = tensor.device.type == "cpu" and dense and not tensor.is_inference()
    return ordinary and tensor.dtype != torch.bfloat16  # which NumPy does not know


class MaskedConv2d(MaskedLayer, nn.Conv2d):
    """`nn.Conv2d` with a mask on its weight."""

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.effective_weight(), self.bias)


class MaskedLinear(MaskedLayer, nn.Linear):
    """`nn.Linear` with a mask on its weight."""

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.effective_weight(), self.bias)


class OwnForward(MaskedLayer):
    """What masked layers of a class derived from `nn.Conv2d` or `nn.Linear` share: its forward is given the masked weight."""

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        self.__dict__["weight"] = self.effective_weight()  # found before the parameter of this name
        try:
            return super().forward(*args, **kwargs)
        finally:
            del self.__dict__["weight"]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _unpickled, (self.plain_class(),), self.__dict__


@cache
def own_forward(plain: type[nn.Module]) -> type[OwnForward]:
    """Returns the masked layer of a class derived from `nn.Conv2d` or `nn.Linear`."""
    return type(f"Masked{plain.__name__}", (OwnForward, plain), {})


def _unpickled(plain: type[nn.Module]) -> OwnForward:
    kind = own_forward(plain)
    return kind.__new__(kind)


class _UsedWeights(TorchFunctionMode):
    """Keeps the weights that convolutions and linear functions are called with."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (F.conv2d, F.linear):
            self.weights.append(kwargs["weight"] if "weight" in kwargs else args[1])
        return func(*args, **kwargs)


@torch.no_grad()
def _objection(layer: nn.Module) -> str | None:
    """Returns why a layer of a class derived from `nn.Conv2d` or `nn.Linear` cannot be masked; None if it can.

    Its forward is tried on small values: wherever the weight is 0, what it computes with has to be 0 as well.
    """
    if isinstance(layer, NonDynamicallyQuantizableLinear):
        return UNCALLED
    tensors = {name: _small_values(tensor) for name, tensor in [*layer.named_parameters(), *layer.named_buffers()]}
    tensors["weight"].view(-1)[::2] = 0
    try:
        with _UsedWeights() as used:
            functional_call(layer, tensors, (_small_input(layer),))
    except Exception as error:
        return f"its forward could not be tried ({type(error).__name__})"
    weight = tensors["weight"]
    if not used.weights or any(found.shape != weight.shape for found in used.weights):
        return "its forward computes with something else than its weight"
    if any(found[weight == 0].any() for found in used.weights):
        return "its forward changes its weight, so that a pruned one would not be 0"
    return None


def _small_input(layer: nn.Module) -> Tensor:
    if isinstance(layer, nn.Linear):
        return torch.ones(1, layer.in_features, device="cpu")
    sides = [1 + step * (kernel - 1) for step, kernel in zip(layer.dilation, layer.kernel_size, strict=True)]
    return torch.ones(1, layer.in_channels, *sides, device="cpu")


def _small_values(tensor: Tensor) -> Tensor:
    """Returns float32 values from 0.1 to 1 on the CPU, shaped like a tensor that may have none yet."""
    return torch.linspace(0.1, 1, tensor.numel(), device="cpu").view(tensor.shape)


UNCALLED = "another layer reads its weight past its forward"
MASKED_LAYERS: dict[type[nn.Module], type[MaskedLayer]] = {nn.Conv2d: MaskedConv2d, nn.Linear: MaskedLinear}


def mask_layers(model: nn.Module, uncalled: Container[str] = ()) -> None:
    """Turns every `nn.Conv2d` and `nn.Linear` below `model` into a masked layer, in place.

    Layers of classes derived from them are turned too, where their forward can be masked.

    Args:
        model: holds the layers.
        uncalled: names of layers to leave as they are, as their weight is read by another layer past their forward.
    """
    for name, layer in list(model.named_modules()):
        if name in uncalled:
            continue
        if type(layer) in MASKED_LAYERS:
            MASKED_LAYERS[type(layer)].from_plain(layer)
        elif _is_derived(layer) and _objection(layer) is None:
            own_forward(type(layer)).from_plain(layer)


def _is_derived(layer: nn.Module) -> bool:
    return isinstance(layer, tuple(MASKED_LAYERS)) and not isinstance(layer, MaskedLayer)


def masked_layers(model: nn.Module) -> Iterator[tuple[str, MaskedLayer]]:
    """Yields (name, layer) of the masked layers below `model`, in the order of the module tree."""
    for name, layer in model.named_modules():
        if isinstance(layer, MaskedLayer):
            yield name, layer


def tied_layers(model: nn.Module) -> tuple[str, ...]:
    """Returns the names of two masked layers below `model` that share a weight, or of none."""
    seen: dict[int, str] = {}
    for name, layer in model.named_modules(remove_duplicate=False):
        if isinstance(layer, MaskedLayer) and seen.setdefault(id(layer.weight), name) != name:
            return seen[id(layer.weight)], name
    return ()


def skipped_layers(model: nn.Module) -> dict[str, str]:
    """Returns {layer name: reason} of the layers below `model` that own parameters and are not masked."""
    return {
        name: _reason(layer)
        for name, layer in model.named_modules()
        if not isinstance(layer, MaskedLayer) and any(True for _ in layer.parameters(recurse=False))
    }


def _reason(layer: nn.Module) -> str:
    kind = type(layer).__name__
    if all(parameter.ndim < 2 for parameter in layer.parameters(recurse=False)):
        return f"{kind}: scales and shifts, never pruned"
    if type(layer) in MASKED_LAYERS:
        return f"{kind}: cannot be masked, {UNCALLED}"
    objection = _objection(layer) if _is_derived(layer) else "only Conv2d and Linear layers can"
    return f"{kind}: cannot be masked, {objection}"
