"""Tiny untrained image classifiers of transformers, five classes each, for pictures of 32 pixels."""

from __future__ import annotations

from transformers import (
    ConvNextConfig,
    ConvNextV2Config,
    DeiTConfig,
    Dinov2Config,
    EfficientNetConfig,
    MobileNetV2Config,
    PreTrainedConfig,
    RegNetConfig,
    ResNetConfig,
    SwinConfig,
    ViTConfig,
)

from tests.helpers import tiny_resnet_config
from vpns_hf import VggConfig

ATTENTION = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32, "patch_size": 8}
STAGES = {"hidden_sizes": [8, 12], "depths": [1, 1], "num_labels": 5}
FAMILIES: dict[str, PreTrainedConfig] = {
    "resnet": tiny_resnet_config(),
    "resnet-bottleneck": ResNetConfig(embedding_size=8, layer_type="bottleneck", **STAGES),
    "vgg": VggConfig(depths=[1] * 5, hidden_sizes=[4] * 5, classifier_size=12, num_labels=5),
    "convnext": ConvNextConfig(num_stages=2, **STAGES),
    "convnextv2": ConvNextV2Config(num_stages=2, **STAGES),
    "vit": ViTConfig(intermediate_size=24, num_labels=5, **ATTENTION),
    "dinov2": Dinov2Config(mlp_ratio=2, num_labels=5, **ATTENTION),
    "deit": DeiTConfig(architectures=["DeiTForImageClassification"], intermediate_size=24, num_labels=5, **ATTENTION),
    "swin": SwinConfig(embed_dim=8, depths=[1, 1], num_heads=[1, 2], image_size=32, window_size=4, num_labels=5),
    "regnet": RegNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], groups_width=4, num_labels=5),
    "mobilenetv2": MobileNetV2Config(depth_multiplier=0.25, image_size=32, num_labels=5),
    "efficientnet": EfficientNetConfig(
        width_coefficient=0.25, depth_coefficient=0.1, hidden_dim=320, image_size=32, num_labels=5
    ),
}
