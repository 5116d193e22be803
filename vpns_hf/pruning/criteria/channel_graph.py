"""How the channels of a network hang together: its prunable layers, additions and flattenings, and nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.fx import Node

from ...errors import InputError
from ...models import VPNsForImageClassification
from .float64 import without_masks


@dataclass(frozen=True)
class Crossing:
    """What leads from the channels of its inputs to channels of its own.

    Attributes:
        inputs: places of the crossings it reads, earlier ones; an addition has several, the pixels none.
        users: places of the crossings that read it, later ones.
        layer: name of the masked layer; None of pixels, additions and flattenings.
        spread: how many channels each channel becomes.
    """

    inputs: tuple[int, ...]
    users: tuple[int, ...]
    layer: str | None = None
    spread: int = 1


def channel_graph(model: VPNsForImageClassification) -> list[Crossing]:
    """Returns the crossings in an order in which each comes after its inputs: the pixels first, the logits last.

    What leaves every channel to itself, such as batch norm, rectifiers, dropout and pooling, is left out.

    Raises:
        InputError: if the network does anything else, such as concatenation or attention; the message names it.
    """
    program = _exported(model)
    reader = _Reader(model, dict(program.graph_signature.inputs_to_parameters))
    for node in program.graph.nodes:
        reader.read(node)
    return reader.crossings()


class _Logits(nn.Module):
    """A classifier as a function of pixels."""

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, pixels: Tensor) -> Tensor:
        return self.classifier(pixels).logits


def _exported(model: VPNsForImageClassification) -> ExportedProgram:
    side, channels = model.config.image_size, len(model.config.image_mean)
    pixels = torch.zeros(1, channels, side, side, dtype=model.dtype, device=model.device)
    try:
        with without_masks(model), torch.no_grad():
            return torch.export.export(_Logits(model.backbone), (pixels,))
    except Exception as error:  # torch promises no kind of error
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"the graph of {type(model.backbone).__name__} cannot be read ({reason}); choose a method other than phew"
        ) from error


_LAYERS = {"conv2d", "linear"}
_ADDITIONS = {"add"}
_FLATTENINGS = {"flatten", "view", "reshape"}
_SCALES = {"mul", "div"}
_CHANNELWISE = {
    *("relu", "relu6", "hardtanh", "leaky_relu", "gelu", "silu", "hardswish", "mish", "elu", "batch_norm", "dropout"),
    *("max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "mean", "pad", "constant_pad_nd"),
    *("clone", "contiguous", "alias", "to", "detach", "squeeze"),
}


class _Reader:
    """Reads the nodes of an exported network in their order."""

    def __init__(self, model: VPNsForImageClassification, parameters: dict[str, str]) -> None:
        self._name = type(model.backbone).__name__
        self._layers = {f"classifier.{name}.weight": name for name in model.masked_layers()}
        self._parameters = parameters
        self._places: dict[Node, int] = {}
        self._found: list[tuple[tuple[int, ...], str | None, int]] = []
        self._last = 0

    def read(self, node: Node) -> None:
        """Takes in the next node; those that do not depend on the pixels are passed over."""
        inputs = [entry for entry in node.all_input_nodes if entry in self._places]
        if node.op == "placeholder" and node.target not in self._parameters and node.name == "pixels":
            self._add(node, ())
        elif node.op == "output" and inputs:
            self._last = self._places[inputs[0]]
        elif inputs and node.users:  # nothing reads an assertion
            self._read_operation(node, inputs)

    def crossings(self) -> list[Crossing]:
        """Returns what leads to the logits."""
        leads, stack = set(), [self._last]
        while stack:
            place = stack.pop()
            if place not in leads:
                leads.add(place)
                stack += self._found[place][0]
        order = sorted(leads)
        places = {place: index for index, place in enumerate(order)}
        inputs = [tuple(places[entry] for entry in self._found[place][0]) for place in order]
        users = [tuple(later for later, read in enumerate(inputs) if place in read) for place in range(len(order))]
        rest = [self._found[place][1:] for place in order]
        return [Crossing(*links, *kind) for *links, kind in zip(inputs, users, rest, strict=True)]

    def _read_operation(self, node: Node, inputs: list[Node]) -> None:
        kind = _name(node)
        before, after = _shape(inputs[0]), _shape(node)
        if kind in _LAYERS and len(inputs) == 1 and self._layer_of(node) is not None:
            self._add(node, inputs, self._layer_of(node))
        elif kind in _ADDITIONS and len(inputs) == 2 and before == after == _shape(inputs[1]):
            self._add(node, inputs)
        elif kind in _FLATTENINGS and len(inputs) == 1 and len(after) == 2 and after[1] == math.prod(before[1:]):
            self._flatten(node, inputs[0], after[1] // before[1])
        elif self._leaves_channels(kind, inputs) and before[:2] == after[:2]:
            self._places[node] = self._places[inputs[0]]
        else:
            kind = f"{kind} of a weight that cannot be masked" if kind in _LAYERS else kind
            raise InputError(
                f"phew walks along convolutions, linear layers, what treats each channel by itself, and additions, but "
                f"{self._name} computes {kind}; choose another method"
            )

    def _leaves_channels(self, kind: str, inputs: list[Node]) -> bool:
        return len(inputs) == 1 and kind in _CHANNELWISE | _ADDITIONS | _SCALES | _FLATTENINGS

    def _layer_of(self, node: Node) -> str | None:
        """Returns the masked layer whose weight a convolution or linear layer reads, of channels in the second place."""
        weight = node.args[1]
        is_plain = len(_shape(node.args[0])) == (2 if _name(node) == "linear" else 4)
        return self._layers.get(self._parameters.get(weight.name, "")) if is_plain else None

    def _flatten(self, node: Node, before: Node, spread: int) -> None:
        if spread == 1:
            self._places[node] = self._places[before]
        else:
            self._add(node, [before], None, spread)

    def _add(self, node: Node, inputs: list[Node] | tuple[()], layer: str | None = None, spread: int = 1) -> None:
        self._places[node] = len(self._found)
        self._found.append((tuple(self._places[entry] for entry in inputs), layer, spread))


def _name(node: Node) -> str:
    """Returns the name of an operation without its library and variant: relu of aten.relu_.default."""
    return str(node.target).removeprefix("aten.").split(".")[0].rstrip("_")


def _shape(node: Node) -> tuple[int, ...]:
    """Returns the shape of what a node gives, empty if that is no tensor."""
    value = node.meta["val"]
    return tuple(value.shape) if isinstance(value, Tensor) else ()
