from __future__ import annotations

import pytest
from transformers import AutoConfig, ResNetConfig

from tests.helpers import CLASSES, tiny_resnet_config
from vpns_hf import VPNsConfig


def test_a_round_trip_keeps_every_field(tmp_path):
    config = VPNsConfig(
        backbone_config=tiny_resnet_config(),
        visual_prompt="random",
        prompt_size=3,
        prompt_seed=4,
        image_size=12,
        output_size=16,
        image_mean=(0.1, 0.2, 0.3),
        image_std=[0.4, 0.5, 0.6],
        label_mapping_method="frequency",
        prompt_at_inference=False,
        sparsity=0.5,
        id2label=CLASSES,
        label2id={name: index for index, name in CLASSES.items()},
    )
    config.save_pretrained(tmp_path)
    for again in (VPNsConfig.from_pretrained(tmp_path), AutoConfig.from_pretrained(tmp_path)):
        assert type(again) is VPNsConfig
        assert type(again.backbone_config) is ResNetConfig
        assert again.backbone_config.to_dict() == config.backbone_config.to_dict()
        assert again.to_diff_dict() == config.to_diff_dict()
        assert again.id2label == CLASSES
        assert again.prompted_size == 16


def test_the_default_configuration_can_be_made():
    config = VPNsConfig()
    assert config.visual_prompt == "pad"
    assert config.prompt_size == 16
    assert config.prompted_size == config.image_size == 224


@pytest.mark.parametrize("sparsity", [0, 1, 0.5, None])
def test_whole_numbers_are_sparsities_too(sparsity):
    assert VPNsConfig(sparsity=sparsity).sparsity == sparsity


def test_means_may_be_whole_numbers_or_tuples(tmp_path):
    VPNsConfig(image_mean=(0.5, 0.5, 0.5), image_std=(1.0, 1.0, 1.0)).save_pretrained(tmp_path)
    assert VPNsConfig.from_pretrained(tmp_path).image_std == [1.0, 1.0, 1.0]
    assert VPNsConfig(image_mean=[0, 0, 0], image_std=[1, 1, 1]).image_std == [1, 1, 1]


def test_a_backbone_may_be_a_dict():
    config = VPNsConfig(backbone_config=tiny_resnet_config().to_dict())
    assert type(config.backbone_config) is ResNetConfig
    assert config.backbone_config.hidden_sizes == [8, 12]


def test_the_classes_are_the_target_classes():
    config = VPNsConfig(backbone_config=tiny_resnet_config(), id2label=CLASSES)
    assert config.num_labels == 3
    assert config.backbone_config.num_labels == 5


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"granularity": "brick"}, r"granularity is 'brick'; allowed: weight, kernel, channel, N:M such as 2:4"),
        ({"image_size": 0}, r"image_size is 0"),
        ({"image_size": 32, "output_size": 24}, r"output_size is 24, below image_size 32"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        VPNsConfig(**fields)


@pytest.mark.parametrize("fields", [{"prompt_size": "16"}, {"image_size": 2.5}, {"prompt_at_inference": "yes"}])
def test_a_value_of_another_type_is_refused(fields):
    with pytest.raises(Exception, match=next(iter(fields))):
        VPNsConfig(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"visual_prompt": "frame"},
        {"image_mean": [0.5, 0.5]},
        {"image_mean": [float("nan"), 0.5, 0.5]},
        {"image_mean": [0.5, float("inf"), 0.5]},
        {"image_std": [1.0, 1.0, float("nan")]},
        {"image_std": [0.0, 1.0, 1.0]},
        {"sparsity": 1.5},
        {"backbone_config": {"hidden_sizes": [8]}},
        {"storage_version": 99},
        {"storage_version": 1},
    ],
)
def test_every_field_is_checked(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        VPNsConfig(**fields)
