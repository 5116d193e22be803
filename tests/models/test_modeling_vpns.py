from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForImageClassification,
    ResNetConfig,
    ResNetForImageClassification,
    ViTConfig,
    ViTForImageClassification,
)

from tests.families import FAMILIES
from tests.helpers import (
    CLASSES,
    copied,
    pictures,
    pruned,
    randomised,
    same,
    tiny_model,
    tiny_resnet,
    tiny_resnet_config,
)
from vpns_hf import VPNsConfig, VPNsForImageClassification
from vpns_hf.models import MaskedConv2d, MaskedLinear

MEAN, STD = [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]


@pytest.fixture(scope="module")
def model() -> VPNsForImageClassification:
    return tiny_model(image_mean=MEAN, image_std=STD)


def normalised(pixels: torch.Tensor, mean: list[float], std: list[float]) -> torch.Tensor:
    return (pixels - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)


def test_logits_are_the_backbone_behind_prompt_and_normalisation(model):
    x = pictures()
    framed = x + model.visual_prompt.prompt * model.visual_prompt.prompt_mask
    for prompted, pixels in ((True, framed.clamp(0, 1)), (False, x)):
        source = model.to_backbone()(normalised(pixels, MEAN, STD)).logits
        logits = model(x, prompted=prompted).logits
        assert logits.shape == (2, 3)
        assert torch.allclose(logits, source[:, model.label_mapping], atol=1e-6)


@pytest.mark.parametrize("at_inference", [True, False])
def test_without_prompted_the_configuration_decides(at_inference):
    model, x = tiny_model(prompt_at_inference=at_inference), pictures()
    assert torch.equal(model(x).logits, model(x, prompted=at_inference).logits)
    assert not torch.equal(model(x).logits, model(x, prompted=not at_inference).logits)


def test_source_logits_are_not_mapped(model):
    x = pictures()
    assert model.source_logits(x, prompted=True).shape == (2, 5)
    mapped = model.source_logits(x, prompted=True)[:, model.label_mapping]
    assert torch.equal(mapped, model(x, prompted=True).logits)


@pytest.mark.parametrize("problem_type", [None, "multi_label_classification", "regression"])
def test_the_loss_is_the_mean_cross_entropy_of_the_mapped_logits(problem_type):
    model, x, labels = tiny_model(), pictures(), torch.tensor([2, 0])
    model.config.problem_type = problem_type
    output = model(x, labels=labels)
    chosen = output.logits.log_softmax(1)[torch.arange(2), labels]
    assert output.loss.shape == ()
    assert output.loss.item() == pytest.approx(-chosen.mean().item(), rel=1e-6)


def test_without_labels_there_is_no_loss(model):
    assert model(pictures()).loss is None


def test_a_tuple_on_request(model):
    x, labels = pictures(), torch.tensor([2, 0])
    loss, logits = model(x, labels=labels, return_dict=False)
    output = model(x, labels=labels)
    assert torch.equal(loss, output.loss)
    assert torch.equal(logits, output.logits)


def test_the_plain_pass_gives_the_prompt_no_gradient():
    model = tiny_model()
    model(pictures(), labels=torch.tensor([0, 1]), prompted=False).loss.backward()
    assert model.visual_prompt.prompt.grad is None
    model(pictures(), labels=torch.tensor([0, 1]), prompted=True).loss.backward()
    assert model.visual_prompt.prompt.grad.count_nonzero() > 0


def test_masks_are_named_and_shaped_like_the_weights(model):
    masks = model.masks()
    plain = tiny_resnet()
    expected = {
        name: layer.weight.shape for name, layer in plain.named_modules() if isinstance(layer, (nn.Conv2d, nn.Linear))
    }
    assert {name: mask.shape for name, mask in masks.items()} == expected
    assert list(masks) == list(expected)
    assert all(mask.dtype == torch.bool for mask in masks.values())
    assert all(isinstance(model.backbone.get_submodule(name), (MaskedConv2d, MaskedLinear)) for name in masks)


def test_sparsity_is_counted():
    model = tiny_model()
    masks = list(model.masks().values())
    total = sum(mask.numel() for mask in masks)
    for mask in masks:
        mask.fill_(True)
    assert model.sparsity == 0
    masks[0].view(-1)[:7] = False
    masks[-1].view(-1)[:4] = False
    assert model.sparsity == 11 / total
    assert type(model.sparsity) is float


def test_no_pruned_weight_is_used(model):
    x = pictures()
    before = model(x).logits
    spoiled = copy.deepcopy(model)
    with torch.no_grad():
        for layer in spoiled.masked_layers().values():
            layer.weight[~layer.weight_mask] = 1e6
    assert torch.equal(spoiled(x).logits, before)


def test_to_dense_is_the_stock_class_with_the_plain_logits(model):
    x = pictures()
    dense = model.to_dense()
    assert type(dense) is ResNetForImageClassification
    assert all(type(layer) in (nn.Conv2d, nn.Linear) for name, layer in dense.named_modules() if name in model.masks())
    assert set(dense.state_dict()) == set(tiny_resnet(3).state_dict())
    expected = model(x, prompted=False).logits
    assert torch.allclose(dense(normalised(x, MEAN, STD)).logits, expected, atol=1e-6)
    assert dense.config.id2label == CLASSES
    assert dense.config.label2id == {name: index for index, name in CLASSES.items()}
    assert dense.config.num_labels == 3
    assert dense.classifier[1].out_features == 3
    assert not dense.training


def test_to_dense_holds_exact_zeros(model):
    dense = model.to_dense()
    for name, mask in model.masks().items():
        kept = mask[model.label_mapping] if name == "classifier.1" else mask
        assert (dense.get_submodule(name).weight[~kept] == 0).all()
        assert dense.get_submodule(name).weight[kept].count_nonzero() > 0


def test_to_dense_survives_a_stock_round_trip(model, tmp_path):
    dense = model.to_dense()
    dense.save_pretrained(tmp_path)
    again = AutoModelForImageClassification.from_pretrained(tmp_path)
    assert type(again) is ResNetForImageClassification
    x = normalised(pictures(), MEAN, STD)
    assert torch.equal(again(x).logits, dense(x).logits)


def test_to_dense_shares_nothing_with_the_model():
    model = tiny_model()
    before = copy.deepcopy(model.state_dict())
    for parameter in model.to_dense().parameters():
        parameter.data.fill_(3.0)
    assert same(model.state_dict(), before)
    assert model.config.backbone_config.num_labels == 5


def test_to_backbone_keeps_the_source_classes(model):
    backbone = model.to_backbone()
    assert type(backbone) is ResNetForImageClassification
    assert backbone.config.num_labels == 5
    x = pictures()
    source = model.source_logits(x, prompted=False)
    assert torch.allclose(backbone(normalised(x, MEAN, STD)).logits, source, atol=1e-6)


def test_a_fresh_model_is_its_backbone():
    backbone, x = tiny_resnet(), pictures()
    model = VPNsForImageClassification.from_backbone(
        backbone, id2label=CLASSES, image_size=16, prompt_size=2, image_mean=MEAN, image_std=STD
    )
    expected = backbone(normalised(x, MEAN, STD)).logits[:, :3]
    assert torch.allclose(model(x, prompted=True).logits, expected, atol=1e-6)
    assert torch.equal(model(x, prompted=True).logits, model(x, prompted=False).logits)
    assert model.sparsity == 0
    assert model.label_mapping.tolist() == [0, 1, 2]
    assert model.config.num_labels == 3
    assert model.config.id2label == CLASSES
    assert model.config.label2id == {"cat": 0, "dog": 1, "owl": 2}
    assert not model.training


def test_without_names_the_classes_are_the_backbones():
    backbone = tiny_resnet()
    backbone.config.id2label = dict(enumerate("vwxyz"))
    model = VPNsForImageClassification.from_backbone(backbone, image_size=16, prompt_size=2)
    assert model.config.id2label == dict(enumerate("vwxyz"))
    assert model(pictures()).logits.shape == (2, 5)


def test_a_backbone_in_memory_is_left_as_it_is():
    backbone = tiny_resnet().train()
    state, classes = copy.deepcopy(backbone.state_dict()), [type(module) for module in backbone.modules()]
    config = backbone.config.to_dict()
    model = VPNsForImageClassification.from_backbone(backbone, id2label=CLASSES, image_size=16, prompt_size=2)
    model.config.backbone_config.hidden_act = "gelu"
    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            tensor.zero_()
    assert [type(module) for module in backbone.modules()] == classes
    assert backbone.training
    assert backbone.config.to_dict() == config
    assert backbone.state_dict().keys() == state.keys()
    assert same(backbone.state_dict(), state)


def test_from_a_local_folder(tmp_path):
    backbone = tiny_resnet()
    backbone.save_pretrained(tmp_path)
    fields = {"id2label": CLASSES, "image_size": 16, "prompt_size": 2}
    for folder in (tmp_path, str(tmp_path)):
        model = VPNsForImageClassification.from_backbone(folder, **fields)
        expected = VPNsForImageClassification.from_backbone(backbone, **fields)
        assert torch.equal(model(pictures()).logits, expected(pictures()).logits)


def test_a_bfloat16_backbone_stays_bfloat16():
    backbone = tiny_resnet().to(torch.bfloat16)
    model = VPNsForImageClassification.from_backbone(backbone, image_size=16, prompt_size=2)
    assert model.dtype == torch.bfloat16
    assert model(pictures().to(torch.bfloat16)).logits.dtype == torch.bfloat16


def test_a_missing_folder_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        VPNsForImageClassification.from_backbone(str(tmp_path / "nowhere"))


def test_more_targets_than_sources_is_refused():
    with pytest.raises(ValueError, match=r"6 target classes .* 5 source classes .*new trainable head"):
        VPNsForImageClassification.from_backbone(tiny_resnet(), id2label={i: str(i) for i in range(6)}, image_size=16)


def test_weights_of_another_shape_are_refused():
    model, other = tiny_model(), tiny_resnet(num_labels=4)
    with pytest.raises(ValueError, match=r"do not fit.*classifier\.1\.weight"):
        model.load_backbone(other.state_dict())


def test_loading_a_backbone_keeps_masks_prompt_and_mapping():
    model = tiny_model()
    masks = copied(model.masks())
    prompt, mapping = model.visual_prompt.prompt.clone(), model.label_mapping.clone()
    model.load_backbone(tiny_resnet(seed=9).state_dict())
    assert same(model.masks(), masks)
    assert torch.equal(model.visual_prompt.prompt, prompt)
    assert torch.equal(model.label_mapping, mapping)
    assert torch.equal(model.backbone.classifier[1].weight, tiny_resnet(seed=9).classifier[1].weight)


def test_a_model_needs_a_backbone():
    with pytest.raises(ValueError, match="from_backbone"):
        VPNsForImageClassification(VPNsConfig())


def test_a_copy_is_equal_and_its_own(model):
    copied, x = copy.deepcopy(model), pictures()
    assert torch.equal(copied(x).logits, model(x).logits)
    copied.masks()["classifier.1"].fill_(False)
    assert not torch.equal(copied(x).logits, model(x).logits)


def test_the_prompt_picture_is_what_is_added():
    model = tiny_model(visual_prompt="random", prompt_size=4).train()
    picture = model.prompt_picture()
    assert picture.shape == (3, 16, 16)
    assert not picture.requires_grad
    assert model.visual_prompt.training
    assert torch.equal(model.eval().visual_prompt(torch.zeros(1, 3, 16, 16))[0], picture)


def test_a_model_without_a_prompt():
    model, x = tiny_model(visual_prompt="none"), pictures()
    assert not model.has_prompt
    assert not model.prompt_picture().any()
    assert torch.equal(model(x, prompted=True).logits, model(x, prompted=False).logits)


def test_a_larger_picture_for_the_prompt():
    model = tiny_model(visual_prompt="expand", image_size=12, output_size=16)
    assert model(pictures(size=12), prompted=True).logits.shape == (2, 3)
    assert model(pictures(size=12), prompted=False).logits.shape == (2, 3)


def test_the_head_is_the_linear_layer_with_one_row_per_source_class(model):
    assert model.head_names() == ["classifier.1"]


def test_the_auto_classes_build_it():
    config = AutoConfig.for_model(
        "vpns", backbone_config=tiny_resnet_config(), id2label=CLASSES, prompt_size=2, image_size=16
    )
    assert type(config) is VPNsConfig
    assert type(AutoModelForImageClassification.from_config(config)) is VPNsForImageClassification


def test_a_pruned_model_is_not_a_backbone():
    with pytest.raises(ValueError, match="to_backbone"):
        VPNsForImageClassification.from_backbone(tiny_model(), image_size=16, prompt_size=2)


def test_class_indices_may_be_strings():
    model = tiny_model(id2label={"0": "cat", "1": "dog"})
    assert model.config.id2label == {0: "cat", 1: "dog"}
    assert model.config.label2id == {"cat": 0, "dog": 1}


@pytest.mark.parametrize("id2label", [{0: "cat", 5: "dog"}, {0: "cat", 1: "cat"}])
def test_classes_are_distinct_and_numbered_from_0(id2label):
    with pytest.raises(ValueError, match="id2label"):
        tiny_model(id2label=id2label)


def test_pictures_of_another_size_are_refused(model):
    with pytest.raises(ValueError, match="image_size"):
        model(pictures(size=20), prompted=True)


def named_resnet(*names: str):
    backbone = tiny_resnet()
    backbone.config.id2label = dict(enumerate(names))
    return backbone


def test_classes_of_the_same_names_in_another_order_are_read_by_name():
    names = {2: "ant", 0: "bee", 1: "cat", 3: "dog", 4: "emu"}
    model = VPNsForImageClassification.from_backbone(named_resnet("ant", "bee", "cat", "dog", "emu"), id2label=names)
    assert model.label_mapping.tolist() == [1, 2, 0, 3, 4]
    positions = VPNsForImageClassification.from_backbone(named_resnet("ant", "bee", "cat", "dog", "emu"), {0: "x"})
    assert positions.label_mapping.tolist() == [0]


def test_two_source_classes_may_have_one_name(tmp_path):
    model = VPNsForImageClassification.from_backbone(named_resnet("crane", "crane", "cat", "dog", "emu"))
    model.save_pretrained(tmp_path)
    loaded = VPNsForImageClassification.from_pretrained(tmp_path)
    assert list(loaded.config.id2label.values()) == ["crane", "crane", "cat", "dog", "emu"]
    assert loaded.to_dense().config.num_labels == 5


def tiny_vit(tmp_path) -> VPNsForImageClassification:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    config = ViTConfig(image_size=16, patch_size=8, num_labels=5, **sizes)
    pruned(randomised(ViTForImageClassification, config)).save_pretrained(tmp_path)
    return VPNsForImageClassification.from_pretrained(tmp_path)


def test_what_the_backbone_returns_beside_logits_is_returned(model, tmp_path):
    x = pictures()
    assert model(x).hidden_states is None
    hidden = model(x, prompted=False, output_hidden_states=True).hidden_states
    expected = model.to_backbone()(normalised(x, MEAN, STD), output_hidden_states=True).hidden_states
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(hidden, expected, strict=True))
    model.save_pretrained(tmp_path / "resnet")
    asked = VPNsForImageClassification.from_pretrained(tmp_path / "resnet", output_hidden_states=True)
    assert len(asked(x).hidden_states) == len(hidden)
    assert asked(x, output_hidden_states=False).hidden_states is None
    vit = tiny_vit(tmp_path / "vit")
    vit.set_attn_implementation("eager")
    attentions = vit(x, output_attentions=True).attentions
    assert [attention.shape for attention in attentions] == [(2, 2, 5, 5)] * 2


def test_the_implementation_of_attention_reaches_the_backbone(tmp_path):
    expected = tiny_vit(tmp_path)
    assert expected.backbone.config._attn_implementation == "sdpa"  # noqa: SLF001 (of transformers)
    for name in ("eager", "sdpa"):
        loaded = VPNsForImageClassification.from_pretrained(tmp_path, attn_implementation=name)
        assert loaded.backbone.config._attn_implementation == name  # noqa: SLF001
        assert loaded.config._attn_implementation == name  # noqa: SLF001
        assert torch.allclose(loaded(pictures()).logits, expected(pictures()).logits, atol=1e-5)
        assert type(loaded)(copy.deepcopy(loaded.config)) is not None
    with pytest.raises((ValueError, ImportError)):
        VPNsForImageClassification.from_pretrained(tmp_path, attn_implementation="no_such")


def test_attention_is_refused_where_there_is_none(model, tmp_path):
    model.save_pretrained(tmp_path)
    assert VPNsForImageClassification.from_pretrained(tmp_path, attn_implementation="eager").sparsity == model.sparsity
    with pytest.raises(ValueError, match="ResNetForImageClassification does not support"):
        VPNsForImageClassification.from_pretrained(tmp_path, attn_implementation="sdpa")


def test_a_backbone_with_tied_weights_is_refused(monkeypatch):
    class Tied(ResNetForImageClassification):
        def __init__(self, config) -> None:
            super().__init__(config)
            layers = self.resnet.encoder.stages[0].layers[0].layer
            layers[0].convolution.weight = layers[1].convolution.weight

    monkeypatch.setitem(AutoModelForImageClassification._model_mapping._extra_content, ResNetConfig, Tied)  # noqa: SLF001
    with pytest.raises(ValueError, match=r"layer\.0\.convolution and .*layer\.1\.convolution share one weight"):
        VPNsForImageClassification.from_backbone(Tied(tiny_resnet_config()), image_size=16, prompt_size=2)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("at_inference", [True, False])
def test_processes_train_what_forward_passes_use(tmp_path, at_inference):
    """Without flags: those of DistributedDataParallel for parameters that a pass leaves out are not needed."""
    tiny_model(prompt_at_inference=at_inference).save_pretrained(tmp_path / "model")
    model = VPNsForImageClassification.from_pretrained(tmp_path / "model").train()
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        wrapped = nn.parallel.DistributedDataParallel(model)
        for _ in range(3):
            wrapped(pictures(), labels=torch.tensor([0, 1])).loss.backward()
    finally:
        torch.distributed.destroy_process_group()
    assert (model.visual_prompt.prompt.grad is not None) is at_inference


@pytest.mark.parametrize("prompted", [True, False])
@pytest.mark.parametrize(
    "wrong", [torch.rand(2, 1, 16, 16), torch.rand(3, 16, 16), torch.rand(16, 16), torch.zeros(2, 3, 16, 16).byte()]
)
def test_what_is_no_batch_of_pictures_is_refused(wrong, prompted):
    with pytest.raises(
        ValueError, match=r"^pixel_values are \([^\n]*; give \(batch, 3, height, width\) in \[0, 1\][^\n]*$"
    ):
        tiny_model()(wrong, prompted=prompted)


@pytest.mark.parametrize("labels", [torch.rand(2, 3), torch.rand(2), torch.zeros(2, 3, dtype=torch.int64)])
def test_labels_of_another_loss_than_cross_entropy_are_refused(labels):
    """The stock class takes such for several classes of one picture, or for numbers to come near to."""
    with pytest.raises(ValueError, match=r"^labels are \([^\n]*; give \(batch,\) integers[^\n]*$"):
        tiny_model()(pictures(), labels=labels)


def test_gradient_checkpointing_is_the_backbones():
    model = VPNsForImageClassification.from_backbone(ViTForImageClassification(FAMILIES["vit"]), image_size=32).train()
    side = model.config.image_size
    gradients = []
    for enable in (False, True):
        if enable:
            # The later name; the earlier one warns.
            getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)()
            assert model.is_gradient_checkpointing
        model.zero_grad()
        torch.manual_seed(0)
        model(pictures(size=side), labels=torch.tensor([0, 1])).loss.backward()
        gradients.append([entry.grad.clone() for entry in model.parameters() if entry.grad is not None])
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(*gradients, strict=True))


def test_a_backbone_that_cannot_checkpoint_refuses():
    model = tiny_model()
    with pytest.raises(ValueError, match="checkpointing"):
        getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)()
