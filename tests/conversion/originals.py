"""Checkpoints as the released code writes them, and what its network computes, both written out."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.backbones.layouts.networks import BasicBlock, Bottleneck, ResNet, TorchvisionVgg, filled
from tests.helpers import copied

SIDE = 32  # of prompted pictures, in pixels
CLASSES = 20
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)

TINY = {
    "basic": lambda: filled(ResNet, BasicBlock, [2, 1, 1], classes=CLASSES, width=8),
    "bottleneck": lambda: filled(ResNet, Bottleneck, [1, 2], classes=CLASSES, width=4),
    "vgg": lambda: without_convolution_biases(filled(TorchvisionVgg, 11, False, CLASSES, shrink=32, width=12)),
    "vgg_bn": lambda: without_convolution_biases(filled(TorchvisionVgg, 11, True, CLASSES, shrink=32, width=12)),
    "vgg with biases": lambda: filled(TorchvisionVgg, 11, False, CLASSES, shrink=32, width=12),
}
FULL = {
    "resnet18": lambda: filled(ResNet, BasicBlock, [2, 2, 2, 2]),
    "resnet50": lambda: filled(ResNet, Bottleneck, [3, 4, 6, 3]),
}


def without_convolution_biases(network: nn.Module) -> nn.Module:
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.bias = None
    return network


@dataclass(frozen=True)
class Prompt:
    """The visual prompt of a checkpoint: `pad` adds the program, all others its sigmoid."""

    kind: str
    mask: Tensor
    program: Tensor = field(
        default_factory=lambda: torch.randn(3, SIDE, SIDE, generator=torch.Generator().manual_seed(3))
    )

    @property
    def state_dict(self) -> dict[str, Tensor]:
        stored = {"program": self.program, "mask": self.mask}
        return {"program": self.program} if self.kind == "random" else stored

    def __call__(self, pixels: Tensor) -> Tensor:
        missing = self.mask.shape[-1] - pixels.shape[-1]
        left, right = (missing + 1) // 2, missing // 2
        delta = self.program if self.kind == "pad" else torch.sigmoid(self.program)
        return (F.pad(pixels, (left, right, left, right)) + delta * self.mask).clamp(0, 1)


def border(width: int) -> Tensor:
    inner = SIDE - 2 * width
    return F.pad(torch.zeros(3, inner, inner), [width] * 4, value=1.0)


def square(side: int, row: int = 0, column: int = 0) -> Tensor:
    mask = torch.zeros(3, SIDE, SIDE)
    mask[:, row : row + side, column : column + side] = 1
    return mask


def padding(image_size: int) -> Tensor:
    left, right = (SIDE - image_size + 1) // 2, (SIDE - image_size) // 2
    return F.pad(torch.zeros(3, image_size, image_size), (left, right, left, right), value=1.0)


@dataclass(frozen=True)
class Original:
    """A network with scores, a prompt and a label mapping."""

    network: nn.Module
    scores: dict[str, Tensor]
    mapping: Tensor
    prompt: Prompt | None

    @classmethod
    def of(cls, network: nn.Module, prompt: Prompt | None = None) -> Original:
        """Random scores, and a mapping of three classes."""
        generator = torch.Generator().manual_seed(1)
        layers = {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)}
        scores = {name: torch.randn(layer.weight.shape, generator=generator) for name, layer in layers.items()}
        return cls(network, scores, torch.tensor([7, 0, 12]), prompt)

    @property
    def state_dict(self) -> dict[str, Tensor]:
        return {**self.network.state_dict(), **{f"{name}.popup_scores": s for name, s in self.scores.items()}}

    def content(self, **other: Any) -> dict[str, Any]:
        """What a checkpoint holds; `other` entries take the place of its own."""
        return {
            "state_dict": self.state_dict,
            "init_weight": None,
            "visual_prompt": None if self.prompt is None else self.prompt.state_dict,
            "mapping_sequence": self.mapping,
            "weight_optimizer": None,
            "val_best_acc": 0.5,
            "all_results": {"train_acc": [0.25, 0.5], "val_acc": [0.125, 0.5]},
            "epoch": 1,
            "state": 0,
            **other,
        }

    def save(self, path: Path, **other: Any) -> Path:
        torch.save(self.content(**other), path)
        return path

    def with_tensors(self, **changes: Tensor | None) -> dict[str, Tensor]:
        """The state dict with other tensors in the place of some; None leaves one out."""
        names = {name.replace(".", "_"): name for name in self.state_dict}
        changed = {names.get(key, key): tensor for key, tensor in changes.items()}
        return {name: tensor for name, tensor in {**self.state_dict, **changed}.items() if tensor is not None}

    @torch.no_grad()
    def logits(self, pixels: Tensor, density: float, prompted: bool) -> Tensor:
        """Weights times masks, the prompt, mean and std, the network, the mapping."""
        network = copy.deepcopy(self.network)
        magnitudes = torch.cat([scores.abs().flatten() for scores in self.scores.values()])
        pruned = int((1 - density) * magnitudes.numel())
        threshold = magnitudes.kthvalue(pruned).values if pruned else torch.tensor(-1.0)
        for name, scores in self.scores.items():
            network.get_submodule(name).weight.mul_(scores.abs() > threshold)
        pixels = self.prompt(pixels) if prompted else pixels
        return network((pixels - MEAN) / STD)[:, self.mapping]


def with_optimisers(original: Original) -> Mapping[str, Any]:
    """The bookkeeping of a run: the first weights and scores, and two Adam optimisers after a step."""
    states = {}
    for name, tensors in (
        ("weight_optimizer", list(original.network.parameters())),
        ("score_optimizer", [*original.scores.values()]),
    ):
        parameters = [nn.Parameter(tensor.detach().clone()) for tensor in tensors]
        optimiser = torch.optim.Adam(parameters)
        for parameter in parameters:
            parameter.grad = torch.full_like(parameter, 0.5)
        optimiser.step()
        states[name] = optimiser.state_dict()
    return {"init_weight": copied(original.state_dict), **states}
