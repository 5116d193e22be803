"""A library in the place of timm, which cannot be imported everywhere: transformers' own wrapper builds its networks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import TimmWrapperConfig, TimmWrapperForImageClassification
from transformers.models.timm_wrapper import modeling_timm_wrapper

NAMES = ["ant", "bee", "cat", "dog", "emu"]
PRETRAINED = {"mean": [0.5, 0.4, 0.3], "std": [0.5, 0.25, 0.5], "input_size": [3, 16, 16]}


class Conv2dSame(nn.Conv2d):
    """Pads by itself."""

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (1, 1, 1, 1)), self.weight, self.bias, self.stride)


class StdConv2d(nn.Conv2d):
    """Computes with another weight than it has."""

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)


class Network(nn.Module):
    """What networks of timm are made of: layers of classes of its own, one whose weight is read past it, two heads."""

    def __init__(self, num_classes: int, distilled: bool) -> None:
        super().__init__()
        self.conv_stem, self.norm = Conv2dSame(3, 8, 3, stride=2), nn.BatchNorm2d(8)
        self.conv_dw = StdConv2d(8, 8, 3, padding=1)
        self.qkv = nn.Linear(8, 12)
        self.head = nn.Linear(12, num_classes)
        self.head_dist = nn.Linear(12, num_classes) if distilled else None

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.conv_dw(self.norm(self.conv_stem(x)).relu()).mean((2, 3))
        hidden = F.linear(pooled, self.qkv.weight, self.qkv.bias).relu()
        return self.head(hidden) if self.head_dist is None else (self.head(hidden) + self.head_dist(hidden)) / 2


def create_model(name: str, pretrained: bool = False, num_classes: int = 1000) -> Network:
    """Builds one of two networks."""
    if name not in ("small", "small_distilled"):
        raise RuntimeError(f"Unknown model ({name})")
    return Network(num_classes, distilled=name.endswith("distilled"))


def install(patch: pytest.MonkeyPatch) -> None:
    """Makes the library one that is installed."""
    library = ModuleType("timm")
    library.create_model, library.__version__ = create_model, "0"
    patch.setitem(sys.modules, "timm", library)
    patch.setattr(modeling_timm_wrapper, "timm", library, raising=False)
    patch.setattr(modeling_timm_wrapper, "requires_backends", lambda *args: None)


def timm_classifier(name: str = "small", **fields: object) -> TimmWrapperForImageClassification:
    """A seeded network of five named classes; `install` has to have been called."""
    torch.manual_seed(0)
    config = TimmWrapperConfig.from_dict(
        {"architecture": name, "num_classes": 5, "label_names": NAMES, "pretrained_cfg": dict(PRETRAINED), **fields}
    )
    model = TimmWrapperForImageClassification(config).eval()
    model.timm_model.norm.running_mean.normal_(std=0.1)
    return model


def timm_repository(folder: Path, model: TimmWrapperForImageClassification) -> Path:
    """Writes a folder as timm itself does."""
    tensors = {name.removeprefix("timm_model."): tensor for name, tensor in model.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    fields = {"architecture": model.config.architecture, "num_classes": 5, "label_names": NAMES}
    fields["model_args"] = {"num_classes": 5}  # where it was built with them
    (folder / "config.json").write_text(json.dumps({**fields, "pretrained_cfg": PRETRAINED}))
    return folder
