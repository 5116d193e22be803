from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForImageClassification, PPLCNetConfig, ResNetConfig, SwinConfig

from tests.families import FAMILIES
from tests.helpers import CLASSES, pictures, refusal
from vpns_hf import VPNsForImageClassification
from vpns_hf.backbones import Sides, allowed_sides, check_sizes
from vpns_hf.errors import InputError
from vpns_hf.models.configuration_vgg import VggConfig

# Worked out from strides and patches: 4 x 2 of two ConvNeXt stages; EfficientNet's 3 x 3 windows after strides of 32.
SMALLEST = {
    "resnet": Sides(1, False),
    "resnet-bottleneck": Sides(1, False),
    "convnext": Sides(8, False),
    "dinov2": Sides(8, False),
    "efficientnet": Sides(32, False),
    "regnet": Sides(1, False),
    "vit": Sides(32, True),
    "deit": Sides(32, True),
}


def model(family: str, side: int, **fields: object) -> VPNsForImageClassification:
    backbone = AutoModelForImageClassification.from_config(FAMILIES[family])
    return VPNsForImageClassification.from_backbone(backbone, CLASSES, image_size=side, **{"prompt_size": 0, **fields})


@pytest.mark.parametrize("family", SMALLEST)
def test_the_sides_a_backbone_takes(family):
    assert allowed_sides(FAMILIES[family]) == SMALLEST[family]


@pytest.mark.parametrize("side", [32, 33, 64, 97, 160, 192])
@pytest.mark.parametrize("family", ["resnet", "convnext", "dinov2"])
def test_other_sizes_than_224_pass(family, side):
    built = model(family, side)
    check_sizes(built)
    assert built(pictures(size=side)).logits.shape == (2, 3)


def test_a_vgg_halves_a_picture_five_times():
    assert allowed_sides(VggConfig(hidden_sizes=[2] * 5, classifier_size=4)) == Sides(32, False)


@pytest.mark.parametrize("family, side", [("convnext", 7), ("dinov2", 7), ("efficientnet", 31)])
def test_a_picture_too_small(family, side):
    smallest = SMALLEST[family].smallest
    message = refusal(check_sizes, model(family, side))
    assert f"{side} x {side} pixels (image_size): it takes {smallest} or more" in message
    check_sizes(model(family, smallest))


@pytest.mark.parametrize("side", [16, 31, 33, 64, 224])
def test_a_vit_takes_one_size(side):
    assert f"{side} x {side} pixels (image_size): it takes 32 only; give image_size 32" in refusal(
        check_sizes, model("vit", side)
    )


def test_a_larger_picture_with_the_prompt_is_checked_too():
    message = refusal(check_sizes, model("vit", 32, output_size=48))
    assert "48 x 48 pixels (output_size, with the prompt)" in message
    assert "image_size 32 and leave output_size out" in message


def test_a_backbone_for_grey_pictures_is_refused():
    config = ResNetConfig(hidden_sizes=[8], depths=[1], embedding_size=8, num_channels=1, num_labels=5)
    backbone = AutoModelForImageClassification.from_config(config)
    built = VPNsForImageClassification.from_backbone(backbone, CLASSES, image_size=32, prompt_size=0)
    with pytest.raises(InputError, match=r"takes pictures of 1 channels \(num_channels\); give one that takes 3"):
        check_sizes(built)


def test_finding_the_sides_leaves_the_backbone_as_it_is():
    """A Swin that has seen a small picture keeps its windows small."""
    config = SwinConfig(embed_dim=8, depths=[1], num_heads=[1], image_size=32, window_size=4, num_labels=5)
    built = AutoModelForImageClassification.from_config(config).eval()
    before = built(pictures(size=32)).logits
    allowed_sides(built.config)
    assert torch.equal(built(pictures(size=32)).logits, before)


def test_a_backbone_that_gives_no_logits_is_refused():
    config = PPLCNetConfig(scale=0.25, num_labels=5)
    backbone = AutoModelForImageClassification.from_config(config)
    with pytest.raises(InputError, match="PPLCNetForImageClassification gives no logits of its 5 classes"):
        check_sizes(VPNsForImageClassification.from_backbone(backbone, CLASSES, image_size=32, prompt_size=2))
