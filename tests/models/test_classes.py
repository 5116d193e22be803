"""Every classification head is found, whatever it is called and however many there are: it is sliced, or renewed."""

from __future__ import annotations

import pytest
import torch
import transformers
from transformers import DeiTConfig, LevitConfig, PreTrainedConfig, PreTrainedModel, PvtConfig, SwiftFormerConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES as CLASSIFIERS

from tests.families import ATTENTION
from tests.helpers import CLASSES, pictures, prune_at_random, randomised, tiny_resnet
from tests.training_helpers import HandClassifier, HandConfig
from vpns_hf import VPNsForImageClassification
from vpns_hf.backbones import HEADS, Backbone
from vpns_hf.export import export_model
from vpns_hf.models import class_names, head_names, head_tensors
from vpns_hf.pruning import effective_density

FOUR = {"depths": [1, 1, 1, 1], "num_labels": 5}
ODD: dict[str, PreTrainedConfig] = {
    "DeiTForImageClassificationWithTeacher": DeiTConfig(intermediate_size=24, num_labels=5, **ATTENTION),
    "LevitForImageClassificationWithTeacher": LevitConfig(
        image_size=64, hidden_sizes=[16, 24, 32], num_attention_heads=[1, 1, 1], depths=[1, 1, 1], key_dim=[4, 4, 4], num_labels=5
    ),
    "SwiftFormerForImageClassification": SwiftFormerConfig(image_size=64, embed_dims=[8, 8, 12, 16], mlp_ratio=2, **FOUR),
    "PvtForImageClassification": PvtConfig(
        image_size=64, hidden_sizes=[8, 8, 16, 16], num_attention_heads=[1, 1, 2, 2], num_encoder_blocks=4, **FOUR
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=ODD)
def backbone(request) -> PreTrainedModel:
    return randomised(getattr(transformers, request.param), ODD[request.param])


@pytest.fixture
def model(backbone) -> VPNsForImageClassification:
    size = backbone.config.image_size
    return prune_at_random(VPNsForImageClassification.from_backbone(backbone, CLASSES, image_size=size, prompt_size=2))


def test_every_head_is_sliced(backbone, model, tmp_path):
    x = pictures(size=backbone.config.image_size)
    expected = model(x, prompted=False).logits
    for dense in (model.to_dense(), exported(model, tmp_path)):
        assert type(dense) is type(backbone)
        assert class_names(dense.config) == ["cat", "dog", "owl"]
        torch.testing.assert_close(dense(model.normalise(x)).logits, expected)
    loaded = VPNsForImageClassification.from_pretrained(tmp_path / "pruned")
    assert torch.equal(loaded(x, prompted=False).logits, expected)


def exported(model: VPNsForImageClassification, folder) -> PreTrainedModel:
    model.save_pretrained(folder / "pruned")
    export_model(folder / "pruned", "transformers", folder / "dense")
    return type(model.backbone).from_pretrained(folder / "dense").eval()


def test_every_head_is_renewed(backbone):
    fresh = HEADS["new"](Backbone(backbone, {}), 4).model.eval()
    assert type(fresh) is type(backbone)
    assert fresh(pictures(size=backbone.config.image_size)).logits.shape == (2, 4)
    heads, before = head_tensors(backbone), backbone.state_dict()
    for name, tensor in fresh.state_dict().items():
        assert torch.equal(tensor, before[name]) != (name in heads), name


def test_unread_rows_of_every_head_are_left_out_of_the_effective_density(backbone, model):
    for layer in model.masked_layers().values():
        layer.weight_mask.fill_(True)
    for head in set(head_names(backbone)) & model.masks().keys():
        unread = torch.ones(5, dtype=torch.bool)
        unread[model.label_mapping] = False
        model.masks()[head][unread] = False
    assert effective_density(model) == 1


def test_all_classes_are_named_where_nothing_names_them(backbone):
    model = VPNsForImageClassification.from_backbone(backbone, image_size=backbone.config.image_size, prompt_size=2)
    assert model.config.num_labels == 5


NAMES = [name for names in CLASSIFIERS.values() for name in ([names] if isinstance(names, str) else names)]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_heads_of_every_classifier_of_transformers_are_found(name):
    kind = getattr(transformers, name)
    try:
        with torch.device("meta"):
            model = kind(kind.config_class(num_labels=7))
    except (ImportError, ValueError) as error:
        pytest.skip(f"it cannot be built from its defaults: {error}")
    if name == "ShieldGemma2ForImageClassification":  # answers yes or no in words
        with pytest.raises(ValueError, match="7 outputs"):
            head_tensors(model)
        return
    found, state = head_tensors(model), model.state_dict()
    assert all(state[tensor].shape[axis] == 7 for tensor, axis in found.items())
    assert len(head_names(model)) == (2 if name.endswith("WithTeacher") or "SwiftFormer" in name else 1)


def test_a_width_that_equals_the_number_of_classes_is_no_head():
    config = DeiTConfig(
        architectures=["DeiTForImageClassification"], intermediate_size=16, **{**ATTENTION, "num_labels": 16}
    )
    assert head_names(randomised(transformers.DeiTForImageClassification, config)) == ["classifier"]


def test_a_network_that_does_not_grow_ends_in_its_head():
    assert head_names(HandClassifier(HandConfig(num_labels=6))) == ["net.linear"]
    with pytest.raises(ValueError, match="no layer with 5 outputs"):
        head_names(HandClassifier(HandConfig(num_labels=5)))


def test_names_come_in_the_order_of_the_logits():
    assert class_names(PreTrainedConfig(id2label={"1": "bee", "0": "ant", "2": "ant"})) == ["ant", "bee", "ant"]


def test_what_a_backbone_was_trained_for_is_not_that_of_its_classes():
    """As a regression a pipeline would give raw logits, and further training another loss."""
    backbone = tiny_resnet()
    backbone.config.problem_type = "regression"
    model = VPNsForImageClassification.from_backbone(backbone, id2label=CLASSES, image_size=16, prompt_size=2)
    assert model.to_dense().config.problem_type is None
    assert backbone.config.problem_type == "regression"
