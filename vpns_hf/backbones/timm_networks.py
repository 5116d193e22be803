"""The networks that timm builds by a name and transformers from a configuration."""

from __future__ import annotations

from dataclasses import fields

from transformers import PreTrainedConfig, ResNetConfig

from ..models.configuration_vgg import VARIANTS, VggConfig

BASIC = {"layer_type": "basic", "hidden_sizes": [64, 128, 256, 512]}
BOTTLENECK = {"layer_type": "bottleneck", "hidden_sizes": [256, 512, 1024, 2048]}

TIMM_NETWORKS: dict[str, PreTrainedConfig] = {
    "resnet18": ResNetConfig(depths=[2, 2, 2, 2], **BASIC),
    "resnet34": ResNetConfig(depths=[3, 4, 6, 3], **BASIC),
    "resnet50": ResNetConfig(depths=[3, 4, 6, 3], **BOTTLENECK),
    "resnet101": ResNetConfig(depths=[3, 4, 23, 3], **BOTTLENECK),
    "resnet152": ResNetConfig(depths=[3, 8, 36, 3], **BOTTLENECK),
    **{name: VggConfig(depths=depths) for name, depths in VARIANTS.items()},
    **{f"{name}_bn": VggConfig(depths=depths, batch_norm=True) for name, depths in VARIANTS.items()},
}

TRAINING_ONLY = {"classifier_dropout", "initializer_range"}  # fields that change no logits of a trained network


def differences(one: PreTrainedConfig, other: PreTrainedConfig) -> list[str]:
    """Returns the fields of the architecture in which two configurations of one class differ; classes are none of them."""
    others = {field.name for field in fields(PreTrainedConfig)} | TRAINING_ONLY
    own = [field.name for field in fields(type(one)) if field.name not in others]
    return [name for name in own if getattr(one, name) != getattr(other, name)]


def timm_name(config: PreTrainedConfig) -> str | None:
    """Returns the name timm builds the network of a configuration by; None if it has none."""
    named = ((name, known) for name, known in TIMM_NETWORKS.items() if type(known) is type(config))
    return next((name for name, known in named if not differences(config, known)), None)
