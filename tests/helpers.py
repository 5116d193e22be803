"""Small models and inputs that several tests build."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState
from hypothesis import settings
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel, ResNetConfig, ResNetForImageClassification

from vpns_hf import InputError, VggConfig, VggForImageClassification, VPNsForImageClassification
from vpns_hf.models.masked_layers import MaskedLayer, mask_layers, masked_layers
from vpns_hf.pruning import LearnedMask, Pruner
from vpns_hf.pruning.criteria import Scores, ScoringContext, scaled_weight

SEEDED = settings(max_examples=60, deadline=None, derandomize=True, database=None)
CLASSES = {0: "cat", 1: "dog", 2: "owl"}


def refusal(
    call: Callable[..., object], *arguments: object, error: type[Exception] = InputError, **options: object
) -> str:
    """The one line that a call with a wrong input is refused with."""
    with pytest.raises(error) as caught:
        call(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path there, and what it holds."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def sine(*shape: int, rate: float, shift: float = 0.0, dtype: torch.dtype = torch.float32) -> Tensor:
    """sin(rate * i + shift), filled row-major with i from 1."""
    count = torch.Size(shape).numel()
    return torch.sin(rate * torch.arange(1, count + 1, dtype=torch.float64) + shift).to(dtype).view(shape)


def hand_pictures(*shape: int, rate: float = 0.37, shift: float = 0.1) -> Tensor:
    """Pictures in [0, 1]: (sin(rate * i + shift) + 1) / 2."""
    return (sine(*shape, rate=rate, shift=shift) + 1) / 2


def copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies of the tensors."""
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def same(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    """Whether all tensors of the first are equal to those of the second of the same names."""
    return all(torch.equal(tensor, second[name]) for name, tensor in first.items())


class HandNet(nn.Module):
    """The net of the hand-checked numbers: convolution, batch norm, ReLU, spatial mean, linear; 108 + 24 weights."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.linear = nn.Linear(4, 6)
        with torch.no_grad():
            self.conv.weight.copy_(0.3 * sine(4, 3, 3, 3, rate=1.0))
            self.linear.weight.copy_(0.5 * sine(6, 4, rate=0.7, shift=0.2))
            self.linear.bias.copy_(0.1 * sine(6, rate=1.3))

    def forward(self, pixels: Tensor) -> Tensor:
        return self.linear(self.norm(self.conv(pixels)).relu().mean((2, 3)))


def hand_layers() -> tuple[HandNet, dict[str, MaskedLayer]]:
    """The hand-checked net with masked layers, and these layers by name."""
    net = HandNet()
    mask_layers(net)
    return net, dict(masked_layers(net))


@dataclass(frozen=True)
class Layers:
    """Masked layers, as criteria and pruners look at a model."""

    by_name: Mapping[str, MaskedLayer]

    def masked_layers(self) -> dict[str, MaskedLayer]:
        return dict(self.by_name)

    def masks(self) -> dict[str, Tensor]:
        return {name: layer.weight_mask for name, layer in self.by_name.items()}


def learn(
    layers: Mapping[str, MaskedLayer], sparsity: float, scores: Mapping[str, Tensor] | None = None
) -> LearnedMask:
    """Begins to learn the masks of layers, globally, from given scores or those VPNs starts from."""
    model = Layers(layers)
    for layer in layers.values():  # what is pruned already would never come back
        layer.weight_mask.fill_(True)
    start = scaled_weight(ScoringContext(model)) if scores is None else Scores(dict(scores))
    return Pruner().learn(model, start, sparsity)


def tiny_resnet_config(num_labels: int = 5) -> ResNetConfig:
    return ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 12], depths=[1, 1], layer_type="basic", num_labels=num_labels
    )


def tiny_resnet(num_labels: int = 5, seed: int = 0) -> ResNetForImageClassification:
    """An image classifier of 4,700 weights whose running statistics are not the initial ones."""
    return randomised(ResNetForImageClassification, tiny_resnet_config(num_labels), seed)


def tiny_vgg_config(batch_norm: bool = True, num_labels: int = 5) -> VggConfig:
    """Two stages for pictures of 4 pixels or more; linear weights as large as it takes to tell pictures apart."""
    sizes = {"depths": [1, 2], "hidden_sizes": [4, 8], "pooled_size": 2, "classifier_size": 12}
    return VggConfig(batch_norm=batch_norm, initializer_range=0.3, num_labels=num_labels, **sizes)


def tiny_vgg(batch_norm: bool = True, seed: int = 0) -> VggForImageClassification:
    """An image classifier of 1,500 weights, five classes."""
    return randomised(VggForImageClassification, tiny_vgg_config(batch_norm), seed)


def randomised(model_class: type, config: PreTrainedConfig, seed: int = 0) -> PreTrainedModel:
    """A seeded model in evaluation mode with random biases and running statistics."""
    torch.manual_seed(seed)
    model = model_class(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(std=0.1)
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(std=0.1)
    return model


def tiny_model(seed: int = 0, **config_fields: object) -> VPNsForImageClassification:
    """A pruned model with a random prompt, mask and label mapping; pictures of 16 pixels, 3 of 5 classes."""
    return pruned(tiny_resnet(seed=seed), seed, **config_fields)


def pruned(backbone: PreTrainedModel, seed: int = 0, **config_fields: object) -> VPNsForImageClassification:
    """Like `tiny_model`, on a backbone of at least three classes."""
    fields = {"id2label": CLASSES, "image_size": 16, "prompt_size": 2, **config_fields}
    return prune_at_random(VPNsForImageClassification.from_backbone(backbone, **fields), seed=seed)


def prune_at_random(
    model: VPNsForImageClassification, sparsity: float = 0.6, seed: int = 0
) -> VPNsForImageClassification:
    """Fills masks, prompt and label mapping with seeded random values, in place; live weights stay non-zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for mask in model.masks().values():
            mask.copy_(torch.rand(mask.shape, generator=generator) >= sparsity)
        for parameter in model.visual_prompt.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    sources = model.backbone.config.num_labels
    model.label_mapping.copy_(torch.randperm(sources, generator=generator)[: model.config.num_labels])
    return model


def pictures(count: int = 2, size: int = 16, seed: int = 1) -> Tensor:
    """Random pictures in [0, 1], (count, 3, size, size)."""
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def forget_accelerator() -> None:
    """Forgets precision and device, which accelerate keeps for a whole process."""
    AcceleratorState._reset_state(reset_partial_state=True)  # noqa: SLF001 (accelerate offers no other way)
