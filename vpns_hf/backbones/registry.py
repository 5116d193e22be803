"""The backbones that have a short name."""

from __future__ import annotations

from collections.abc import Callable

from transformers import PretrainedConfig, ResNetConfig


def resnet_small(num_labels: int) -> PretrainedConfig:
    """A ResNet with 79,280 prunable weights (10 classes) for pictures of about 32 pixels, untrained: for trying things without a download."""
    return ResNetConfig(
        layer_type="basic", embedding_size=16, hidden_sizes=[16, 32, 64], depths=[1, 1, 1], num_labels=num_labels
    )


BACKBONES: dict[str, Callable[[int], PretrainedConfig]] = {"resnet-small": resnet_small}
