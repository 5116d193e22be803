"""The backbones that have a short name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from transformers import AutoModelForImageClassification, PreTrainedConfig, ResNetConfig

from ..errors import InputError
from .backbone import IMAGENET, Backbone
from .repositories import repository


class Source(Protocol):
    """Where the weights behind a short name come from."""

    def load(self, num_labels: int | None, revision: str | None) -> Backbone:
        """Returns the backbone; one that is untrained has `num_labels` classes."""


@dataclass(frozen=True)
class Untrained:
    """Random weights of a network that is configured for the number of classes at hand."""

    config: Callable[[int], PreTrainedConfig]

    def load(self, num_labels: int | None, revision: str | None) -> Backbone:
        if num_labels is None:
            raise InputError(
                "it is untrained, with as many classes as the data have that it is trained on; give a network with classes of "
                "its own, a trained one (in Python num_labels)"
            )
        return Backbone(AutoModelForImageClassification.from_config(self.config(num_labels)), IMAGENET)


@dataclass(frozen=True)
class Published:
    """A repository on the Hub."""

    hub_id: str

    def load(self, num_labels: int | None, revision: str | None) -> Backbone:
        return repository(self.hub_id, revision).load()


def resnet_small(num_labels: int) -> PreTrainedConfig:
    """Returns a ResNet with 79,280 prunable weights (10 classes) for pictures of about 32 pixels, untrained: for trying things without a download."""
    return ResNetConfig(
        layer_type="basic", embedding_size=16, hidden_sizes=[16, 32, 64], depths=[1, 1, 1], num_labels=num_labels
    )


# "tv" are torchvision's weights for ImageNet-1k, "tv2" those of its longer recipe, which VPNs starts from for ResNet-50.
BACKBONES: dict[str, Source] = {
    "resnet-small": Untrained(resnet_small),
    "resnet18": Published("timm/resnet18.tv_in1k"),
    "resnet34": Published("timm/resnet34.tv_in1k"),
    "resnet50": Published("timm/resnet50.tv2_in1k"),
    "resnet101": Published("timm/resnet101.tv2_in1k"),
    "resnet152": Published("timm/resnet152.tv2_in1k"),
    "vgg11": Published("timm/vgg11.tv_in1k"),
    "vgg11_bn": Published("timm/vgg11_bn.tv_in1k"),
    "vgg13": Published("timm/vgg13.tv_in1k"),
    "vgg13_bn": Published("timm/vgg13_bn.tv_in1k"),
    "vgg16": Published("timm/vgg16.tv_in1k"),
    "vgg16_bn": Published("timm/vgg16_bn.tv_in1k"),
    "vgg19": Published("timm/vgg19.tv_in1k"),
    "vgg19_bn": Published("timm/vgg19_bn.tv_in1k"),
}
