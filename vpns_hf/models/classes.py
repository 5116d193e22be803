"""The classes of an image classifier of transformers: their names, and the tensors whose shape follows from their number."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from .stock import stock_classifier


def class_names(config: PreTrainedConfig) -> list[str]:
    """Returns the names of the classes of a configuration, in the order of its logits; LABEL_i where it names none."""
    names = config.id2label or {}
    return [str(names.get(index, f"LABEL_{index}")) for index in range(config.num_labels)]


def set_classes(config: PreTrainedConfig, names: Sequence[str]) -> None:
    """Gives a configuration as many classes as there are names, and their names."""
    config.num_labels = len(names)  # a field of its own where the names do not tell, as of PVT
    config.id2label = dict(enumerate(names))
    config.label2id = {name: index for index, name in enumerate(names)}
    config.problem_type = None  # whatever the backbone was trained for, these classes exclude each other
    for field, value in (("num_classes", len(names)), ("label_names", list(names))):  # timm's words for them
        if hasattr(config, field):
            setattr(config, field, value)


def head_tensors(backbone: PreTrainedModel) -> dict[str, int]:
    """Returns {tensor name: axis of the classes} of the classification heads, of which there may be several.

    They are what grows where the configuration has one class more, whatever channels were removed from this one; of a network
    that does not grow, its last linear layer with one output per class.

    Raises:
        ValueError: if there is none, or one does not grow by a row for the class.
    """
    classes = backbone.config.num_labels
    tensors, larger, grown = backbone.state_dict(), _shapes_with(backbone, classes + 1), {}
    for name, shape in _shapes_with(backbone, classes).items():
        if larger.get(name, shape) != shape:
            axis = grown[name] = _axis(name, shape, larger[name])
            if name not in tensors or tensors[name].shape[axis] != shape[axis]:
                raise ValueError(f"{name} is not of the {classes} classes that its configuration says")
    return grown or _last_linear(backbone, classes)


def head_names(backbone: PreTrainedModel) -> list[str]:
    """Returns the names of the layers that hold `head_tensors`, in the order of the network.

    Raises:
        ValueError: likewise.
    """
    return list(dict.fromkeys(name.rpartition(".")[0] for name in head_tensors(backbone)))


def _shapes_with(backbone: PreTrainedModel, classes: int) -> dict[str, torch.Size]:
    """Returns the shape of every tensor the network has when configured for so many classes."""
    config = copy.deepcopy(backbone.config)
    config.architectures = [type(backbone).__name__]  # some configurations stand for several classes
    set_classes(config, [f"LABEL_{index}" for index in range(classes)])
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        return {name: tensor.shape for name, tensor in stock_classifier(config).state_dict().items()}


def _axis(name: str, shape: torch.Size, larger: torch.Size) -> int:
    """Returns where `larger` is 1 more than `shape`."""
    axes = [axis for axis, pair in enumerate(zip(shape, larger, strict=False)) if pair[0] != pair[1]]
    if len(shape) != len(larger) or len(axes) != 1 or larger[axes[0]] - shape[axes[0]] != 1:
        raise ValueError(
            f"{name} of shape {tuple(shape)} would be {tuple(larger)} with one class more: its classes cannot be told apart"
        )
    return axes[0]


def _last_linear(backbone: PreTrainedModel, classes: int) -> dict[str, int]:
    linear = [(name, layer) for name, layer in backbone.named_modules() if isinstance(layer, nn.Linear)]
    heads = [(name, layer) for name, layer in linear if layer.out_features == classes]
    if not heads:
        raise ValueError(f"{type(backbone).__name__} has no layer with {classes} outputs to use as its head")
    name, layer = heads[-1]
    return {f"{name}.{leaf}": 0 for leaf in ("weight", "bias") if getattr(layer, leaf) is not None}
