"""Models whose layers are thinner than their configuration says, saved and loaded."""

from __future__ import annotations

import copy
import json

import pytest
import torch
from torch import nn
from transformers import AutoModelForImageClassification

from tests.families import FAMILIES
from tests.helpers import pictures, refusal
from tests.pruning.channels.networks import SIDE, dense_network, drawn, mask_channels, thin_model
from vpns_hf import VPNsConfig, VPNsForImageClassification
from vpns_hf.pruning import channel_groups

STEM = "resnet.embedder.embedder.convolution"


@pytest.fixture(scope="module", params=["resnet", "vgg", "regnet", "vit"])
def model(request) -> VPNsForImageClassification:
    return thin_model(request.param)


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return pictures(size=SIDE)


@pytest.mark.parametrize("sparse", [True, False])
def test_it_comes_back(model, x, sparse, tmp_path):
    model.save_pretrained(tmp_path, sparse=sparse)
    loaded = AutoModelForImageClassification.from_pretrained(tmp_path)
    assert torch.equal(loaded(x).logits, model(x).logits)
    assert loaded.sparsity == loaded.config.sparsity == model.sparsity
    assert loaded.config.widths == model.config.widths
    loaded.save_pretrained(tmp_path / "again")
    assert (tmp_path / "again" / "config.json").read_text() == (tmp_path / "config.json").read_text()


def test_its_file_is_smaller_than_that_of_the_dense_one(tmp_path):
    sizes = []
    for name, model in {"dense": dense_network("resnet"), "thin": thin_model()}.items():
        model.save_pretrained(tmp_path / name, sparse=False)
        sizes.append((tmp_path / name / "model.safetensors").stat().st_size)
    assert sizes[1] < 0.75 * sizes[0]


def test_the_configuration_says_the_widths_and_what_the_sparsity_is_of():
    model, dense = thin_model(), dense_network("resnet")
    layers = model.masked_layers()
    assert model.config.widths[STEM] == list(layers[STEM].weight.shape[:2])
    assert model.config.widths["classifier.1"] == [5, layers["classifier.1"].in_features]
    total = sum(mask.numel() for mask in dense.masks().values())
    kept = sum(int(mask.sum()) for mask in model.masks().values())
    assert model.dense_weights == model.config.dense_weights == total
    assert model.sparsity == (total - kept) / total
    assert dense.config.widths is None
    assert dense.shrink([]).config.widths is None


def test_a_stock_module_in_memory_has_the_thinner_layers(model, x):
    with torch.no_grad():
        expected = model(x, prompted=False).logits
        for plain, found in (("dense", model.to_dense()), ("backbone", model.to_backbone())):
            logits = found(model.normalise(x)).logits
            logits = logits if plain == "dense" else logits[:, model.label_mapping]
            torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)
            assert type(found) is type(model.to_backbone())
            layers = dict(found.named_modules())
            assert all(
                list(layers[name].weight.shape[1:2]) == list(sizes[1:]) for name, sizes in model.config.widths.items()
            )


@pytest.mark.parametrize("plain", ["to_dense", "to_backbone"])
def test_a_thin_stock_module_is_not_saved_as_nothing_could_load_it(plain, tmp_path):
    getattr(dense_network("resnet"), plain)().save_pretrained(tmp_path / "whole")
    thin = copy.deepcopy(getattr(thin_model(), plain)())
    said = refusal(thin.save_pretrained, tmp_path / "thin", error=ValueError)
    assert "nothing could load what was saved: use it in memory" in said
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_it_is_no_backbone_and_cannot_be_made_one():
    with pytest.raises(
        ValueError, match=r"^the backbone is a pruned model already; give the dense one it was made from$"
    ):
        VPNsForImageClassification.from_backbone(thin_model())


def test_layers_say_the_sizes_they_have(model):
    for name, sizes in model.config.widths.items():
        layer = model.backbone.get_submodule(name)
        if isinstance(layer, nn.Conv2d):
            assert [layer.out_channels, layer.in_channels // layer.groups] == sizes
        elif isinstance(layer, nn.Linear):
            assert [layer.out_features, layer.in_features] == sizes
        else:
            assert [layer.num_features] == sizes == [len(layer.running_var)]


def test_it_trains_on(x, tmp_path):
    model = thin_model().train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = model(x, labels=torch.tensor([0, 1])).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    model.eval().save_pretrained(tmp_path)
    assert torch.equal(VPNsForImageClassification.from_pretrained(tmp_path)(x).logits, model(x).logits)


def test_it_loads_in_bfloat16(tmp_path):
    thin_model().save_pretrained(tmp_path)
    loaded = VPNsForImageClassification.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert {value.dtype for value in loaded.parameters()} == {torch.bfloat16}


def test_what_is_thin_can_become_thinner(x):
    model = copy.deepcopy(thin_model("vgg"))
    for mask in model.masks().values():
        mask.fill_(True)
    mask_channels(model, drawn(model, 0.5, seed=7))
    thinner = model.shrink(channel_groups(model))
    torch.testing.assert_close(thinner(x).logits, model(x).logits, rtol=1e-5, atol=1e-5)
    assert thinner.sparsity == model.sparsity > thin_model("vgg").sparsity
    assert thinner.dense_weights == model.dense_weights


@pytest.mark.parametrize(
    ("widths", "message"),
    [
        ({"no.layer": [1, 1]}, r"widths gives no.layer \[1, 1\], but the backbone has no such layer"),
        ({STEM: [9, 3]}, r"widths gives \S+ \[9, 3\], but the backbone has \[8, 3\]"),
        ({STEM: [0, 3]}, r"widths gives \S+ \[0, 3\], but the backbone has \[8, 3\]"),
        ({STEM: [4]}, r"widths gives \S+ \[4\], but the backbone has \[8, 3\]"),
    ],
)
def test_widths_that_no_layer_has(widths, message):
    config = VPNsConfig(backbone_config=FAMILIES["resnet"], image_size=16, prompt_size=2, num_labels=5, widths=widths)
    with pytest.raises(ValueError, match=rf"^{message}$"):
        VPNsForImageClassification(config)


def test_a_file_of_other_widths_is_refused(tmp_path):
    thin_model().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["widths"][STEM][0] = 8
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"K?\S*convolution"):
        VPNsForImageClassification.from_pretrained(tmp_path)
