"""What timm, torchvision and transformers read, written from an image classifier of transformers."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..backbones import Backbone, differences, timm_name
from ..backbones.layouts import LAYOUTS, Layout
from ..errors import InputError
from ..models import class_names, head_names
from ..models.stock import TIMM
from .processors import is_bgr, normalising_processor

logger = logging.getLogger(__name__)

VGG_SLIDES_FROM = 256  # side of pictures of which more than 7 x 7 features are left, in pixels


Export = Callable[[Backbone, Path], None]
"""Writes a classifier to files in a folder as one library reads it, or raises InputError if that has no such network."""


def write_transformers(backbone: Backbone, folder: Path) -> None:
    """Configuration, weights and an image processor that resizes to a square and normalises."""
    processor = normalising_processor(backbone)
    if backbone.model.config.model_type == TIMM:  # keeps what it says of pictures in its configuration
        backbone.model.config.pretrained_cfg = _own_layout(backbone).pretrained(backbone)
    backbone.model.save_pretrained(folder)
    processor.save_pretrained(folder)


def write_torchvision(backbone: Backbone, folder: Path) -> None:
    """model.pth: the state dict, as `torchvision.models` loads it."""
    _, tensors = _translated(backbone, "torchvision")
    torch.save(tensors, folder / "model.pth")


def write_timm(backbone: Backbone, folder: Path) -> None:
    """model.safetensors, and config.json that names the architecture and how pictures are prepared."""
    config = backbone.model.config
    if is_bgr(backbone):
        raise _no_order("timm")
    written = _own_layout(backbone) if config.model_type == TIMM else _known_layout(backbone)
    save_file(written.tensors, folder / "model.safetensors", metadata={"format": "pt"})
    fields = {
        "architecture": written.architecture,
        "num_classes": config.num_labels,
        "label_names": class_names(config),
        "model_args": getattr(config, "model_args", None) or {},
        "pretrained_cfg": written.pretrained(backbone),
    }
    (folder / "config.json").write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class TimmLayout:
    """A network as timm names it and its parts.

    Attributes:
        architecture: the name timm builds it by.
        tensors: its state dict.
        first_conv: name of the first convolution.
        classifier: name of the last layer, or a list where there are several.
    """

    architecture: str
    tensors: Mapping[str, Tensor]
    first_conv: str
    classifier: str | list[str]

    def pretrained(self, backbone: Backbone) -> dict[str, Any]:
        """Returns what timm records of a training: sides, mean and std of pictures and the ends of the network."""
        return {
            "input_size": [3, backbone.image_size, backbone.image_size],
            "fixed_input_size": False,
            "interpolation": "bilinear",
            "crop_pct": 1.0,
            "crop_mode": "squash",
            "mean": backbone.normalisation["image_mean"],
            "std": backbone.normalisation["image_std"],
            "num_classes": backbone.model.config.num_labels,
            "first_conv": self.first_conv,
            "classifier": self.classifier,
        }


def _own_layout(backbone: Backbone) -> TimmLayout:
    """Returns that of a network which timm has built."""
    model, prefix = backbone.model, "timm_model."
    tensors = {name.removeprefix(prefix): tensor.contiguous() for name, tensor in model.state_dict().items()}
    heads = [name.removeprefix(prefix) for name in head_names(model)]
    return TimmLayout(model.config.architecture, tensors, _first_conv(tensors), heads if len(heads) > 1 else heads[0])


def _known_layout(backbone: Backbone) -> TimmLayout:
    """Returns that of a network of transformers which timm has as well."""
    config = backbone.model.config
    architecture = timm_name(config)
    if architecture is None:
        raise InputError(
            f"timm builds no {type(backbone.model).__name__} of this configuration by a name; "
            "give another --layout: transformers takes any network"
        )
    if architecture.startswith("vgg") and backbone.image_size >= VGG_SLIDES_FROM:
        logger.warning(
            "from %d pixels on timm slides the classifier of a VGG over the picture instead of taking the mean first: "
            "its logits will be others",
            VGG_SLIDES_FROM,
        )
    layout, tensors = _translated(backbone, "timm")
    first = layout.names(config)[_first_conv(backbone.model.state_dict()) + ".weight"].removesuffix(".weight")
    return TimmLayout(architecture, tensors, first, layout.head)


def _first_conv(tensors: Mapping[str, Tensor]) -> str:
    return next((name.removesuffix(".weight") for name, tensor in tensors.items() if tensor.ndim == 4), "")


EXPORTS: dict[str, Export] = {
    "timm": write_timm,
    "torchvision": write_torchvision,
    "transformers": write_transformers,
}


def _no_order(library: str) -> InputError:
    return InputError(f"{library} has no channel order, and this model takes blue first; give --layout transformers")


def _translated(backbone: Backbone, library: str) -> tuple[Layout, dict[str, Tensor]]:
    """Returns the layout and the model's tensors in it.

    Raises:
        InputError: if the library has no such network, or would compute something else with the same tensors.
    """
    model, known = backbone.model, LAYOUTS[library]
    if is_bgr(backbone):
        raise InputError(
            f"{library} has no channel order, and this model takes blue first; give --layout transformers"
        )
    layout = known.get(model.config.model_type)
    if layout is None:
        raise InputError(
            f"{library}'s layout is known for {', '.join(known)}, not for {model.config.model_type}; "
            "give --layout transformers"
        )
    tensors = {name: tensor.contiguous() for name, tensor in layout.to_theirs(model).items()}
    changed = differences(model.config, layout.config({name: tensor.shape for name, tensor in tensors.items()}))
    if changed:
        raise InputError(
            f"{library} would compute something else: {', '.join(changed)} differ from its {model.config.model_type}; "
            "give --layout transformers"
        )
    return layout, tensors
