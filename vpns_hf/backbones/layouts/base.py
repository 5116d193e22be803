"""How another library names and shapes the tensors of an architecture that transformers also has."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import Tensor
from transformers import AutoModelForImageClassification, PreTrainedConfig, PreTrainedModel

from ...errors import InputError

Shapes = Mapping[str, torch.Size]


class Layout(ABC):
    """The tensor names of one library for one architecture; a subclass gives the two directions of the translation.

    "Theirs" is the other library's name, "ours" the one in the state dict of the transformers class.

    Attributes:
        head: the other library's name of the classification layer.
    """

    head: str

    @abstractmethod
    def config(self, shapes: Shapes) -> PreTrainedConfig | None:
        """Returns the configuration that tensors of these names and shapes (theirs) belong to, or None if not this layout."""

    @abstractmethod
    def names(self, config: PreTrainedConfig) -> dict[str, str]:
        """Returns {our name: their name} of every tensor of a network of that configuration, one to one."""

    def shapes(self, config: PreTrainedConfig) -> dict[str, torch.Size]:
        """Returns {their name: the shape they give it} of every tensor of a network of that configuration."""
        ours = stock_shapes(config)
        return {theirs: ours[name] for name, theirs in self.names(config).items()}

    def from_theirs(self, tensors: Mapping[str, Tensor], config: PreTrainedConfig) -> dict[str, Tensor]:
        """Returns the state dict of the transformers class; tensors share storage with those given.

        Raises:
            InputError: if a tensor is missing, left over or of another shape; the message lists them.
        """
        _check_account(self.shapes(config), tensors)
        shapes = stock_shapes(config)
        return {
            ours: tensors[theirs].reshape(shapes[ours]) if theirs in tensors else torch.tensor(0)
            for ours, theirs in self.names(config).items()
        }

    def to_theirs(self, model: PreTrainedModel) -> dict[str, Tensor]:
        """Returns the tensors of a stock image classifier under the other library's names and in its shapes."""
        state_dict, shapes = model.state_dict(), self.shapes(model.config)
        return {theirs: state_dict[ours].reshape(shapes[theirs]) for ours, theirs in self.names(model.config).items()}


def extent(shape: torch.Size | None, axis: int) -> int | None:
    """Returns the length of an axis; None if there is no such tensor, or it has fewer axes."""
    return shape[axis] if shape is not None and len(shape) > axis else None


def stock_shapes(config: PreTrainedConfig) -> dict[str, torch.Size]:
    """Returns {name: shape} of the tensors of the image classifier that transformers builds for `config`."""
    return dict(_stock_shapes(type(config), config.to_json_string(use_diff=False)))


@lru_cache(maxsize=8)  # a translation asks for the same ones several times, and building takes tenths of a second
def _stock_shapes(kind: type[PreTrainedConfig], fields: str) -> dict[str, torch.Size]:
    with torch.device("meta"):
        model = AutoModelForImageClassification.from_config(kind.from_dict(json.loads(fields)))
    return {name: tensor.shape for name, tensor in model.state_dict().items()}


def _check_account(expected: Mapping[str, torch.Size], tensors: Mapping[str, Tensor]) -> None:
    # Batch norm has counted its batches since torch 0.4.1 only; older files start the count at 0.
    wrong = [f"missing {key}" for key in expected if key not in tensors and not key.endswith(".num_batches_tracked")]
    wrong += [f"unexpected {key}" for key in tensors if key not in expected]
    wrong += [
        f"{key} of shape {tuple(tensors[key].shape)} instead of {tuple(shape)}"
        for key, shape in expected.items()
        if key in tensors and tensors[key].shape != shape
    ]
    if wrong:
        raise InputError(f"the weights do not fit the network they name: {', '.join(wrong)}")
