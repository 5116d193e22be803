from __future__ import annotations

import re

import pytest
from transformers import AutoConfig

from tests.helpers import refusal, tiny_vgg_config
from vpns_hf import VggConfig, VPNsConfig
from vpns_hf.models.configuration_vgg import VARIANTS


def test_a_round_trip_keeps_every_field(tmp_path):
    config = VggConfig(
        num_channels=1,
        depths=(1, 2),
        hidden_sizes=[4, 8],
        batch_norm=True,
        pooled_size=2,
        classifier_size=12,
        classifier_dropout=0,
        initializer_range=1,
        num_labels=7,
    )
    config.save_pretrained(tmp_path)
    for again in (VggConfig.from_pretrained(tmp_path), AutoConfig.from_pretrained(tmp_path)):
        assert type(again) is VggConfig
        assert again.depths == [1, 2]
        assert again.num_labels == 7
        assert again.to_diff_dict() == config.to_diff_dict()


def test_the_default_is_vgg16():
    config = VggConfig()
    assert config.depths == list(VARIANTS["vgg16"])
    assert config.hidden_sizes == [64, 128, 256, 512, 512]
    assert (config.batch_norm, config.pooled_size, config.classifier_size) == (False, 7, 4096)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_named_by_its_layers(name):
    """Convolutions and the three linear layers."""
    assert name == f"vgg{sum(VARIANTS[name]) + 3}"
    assert VggConfig(depths=VARIANTS[name]).depths == list(VARIANTS[name])


def test_it_is_a_backbone_as_a_dict_too():
    config = VPNsConfig(backbone_config=tiny_vgg_config().to_dict())
    assert type(config.backbone_config) is VggConfig
    assert config.backbone_config.to_dict() == tiny_vgg_config().to_dict()


def test_a_twin_of_another_folder_does_not_take_its_place():
    """The files of every saved model register their own class under the same name."""
    twin = type("VggConfig", (VggConfig,), {})
    AutoConfig.register("vgg", twin, exist_ok=True)
    try:
        assert type(AutoConfig.for_model("vgg")) is twin
        assert type(VPNsConfig(backbone_config=tiny_vgg_config().to_dict()).backbone_config) is VggConfig
    finally:
        AutoConfig.register("vgg", VggConfig, exist_ok=True)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"depths": []}, r"depths is \[\] and hidden_sizes \[64, .*one number each for every stage"),
        ({"depths": [1, 2]}, r"depths is \[1, 2\] and hidden_sizes \[64, .*one number each for every stage"),
        ({"depths": [1, 0], "hidden_sizes": [4, 8]}, r"depths is \[1, 0\]; it must be at least 1"),
        ({"depths": [1, 1], "hidden_sizes": [4, 0]}, r"hidden_sizes is \[4, 0\]; it must be at least 1"),
        ({"num_channels": 0}, "num_channels is 0; it must be at least 1"),
        ({"pooled_size": 0}, "pooled_size is 0; it must be at least 1"),
        ({"classifier_size": 0}, "classifier_size is 0; it must be at least 1"),
        ({"classifier_dropout": 1.5}, r"classifier_dropout is 1\.5; it must be in \[0, 1\]"),
        ({"initializer_range": -1}, "initializer_range is -1; it must not be negative"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused(fields, message):
    assert re.search(message, refusal(VggConfig, **fields, error=ValueError))


@pytest.mark.parametrize("fields", [{"depths": "12"}, {"batch_norm": 1}, {"pooled_size": 2.5}])
def test_a_value_of_another_type_is_refused(fields):
    with pytest.raises(Exception, match=next(iter(fields))):
        VggConfig(**fields)
