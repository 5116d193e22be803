from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoConfig, AutoModelForImageClassification, ResNetForImageClassification

from tests.families import FAMILIES
from tests.helpers import learn, pictures, prune_at_random, pruned, randomised, refusal, same, tiny_model, tiny_resnet
from vpns_hf import VPNsConfig, VPNsForImageClassification
from vpns_hf.models.checksums import with_checksums, without_checksums

WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def model() -> VPNsForImageClassification:
    return tiny_model(image_mean=[0.1, 0.2, 0.3], image_std=[0.4, 0.5, 0.6])


def stored_tensors(folder: Path) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {}
    for file in folder.glob("*.safetensors"):
        tensors.update(load_file(file))
    return tensors


def assert_same(loaded: VPNsForImageClassification, model: VPNsForImageClassification) -> None:
    """Same logits, masks and buffers; pruned weights are zero in the loaded one."""
    x = pictures().to(model.dtype)
    for prompted in (None, True, False):
        assert torch.equal(loaded(x, prompted=prompted).logits, model(x, prompted=prompted).logits)
    expected = {**model.state_dict(), **dict(model.named_buffers())}
    actual = {**loaded.state_dict(), **dict(loaded.named_buffers())}
    assert actual.keys() == expected.keys()
    pruned = {f"backbone.{name}.weight": layer.masked() for name, layer in model.masked_layers().items()}
    for key, value in actual.items():
        assert torch.equal(value, pruned.get(key, expected[key])), key


@pytest.mark.parametrize("sparse", [True, False])
def test_a_model_comes_back(model, sparse, tmp_path):
    model.save_pretrained(tmp_path, sparse=sparse)
    loaded = VPNsForImageClassification.from_pretrained(tmp_path)
    assert_same(loaded, model)
    assert not loaded.training
    assert loaded.sparsity == loaded.config.sparsity == model.sparsity
    assert loaded.config.id2label == model.config.id2label


@pytest.mark.parametrize("visual_prompt", ["fix", "random", "expand", "none"])
def test_every_prompt_comes_back(visual_prompt, tmp_path):
    sizes = {"image_size": 12, "output_size": 16, "prompt_size": 3, "prompt_seed": 5}
    model = tiny_model(visual_prompt=visual_prompt, **sizes)
    model.save_pretrained(tmp_path)
    loaded, x = VPNsForImageClassification.from_pretrained(tmp_path), pictures(size=12)
    assert torch.equal(loaded(x).logits, model(x).logits)


@pytest.mark.parametrize("sparse", [True, False])
def test_a_bfloat16_model_comes_back(sparse, tmp_path):
    model = tiny_model().to(torch.bfloat16)
    model.save_pretrained(tmp_path, sparse=sparse)
    for dtype in ("auto", torch.bfloat16, None):
        loaded = VPNsForImageClassification.from_pretrained(tmp_path, **({"dtype": dtype} if dtype else {}))
        assert loaded.dtype == torch.bfloat16
        assert_same(loaded, model)


def test_a_float32_model_can_be_loaded_as_bfloat16(model, tmp_path):
    model.save_pretrained(tmp_path)
    loaded = VPNsForImageClassification.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert_same(loaded, tiny_model(image_mean=[0.1, 0.2, 0.3], image_std=[0.4, 0.5, 0.6]).to(torch.bfloat16))


@pytest.mark.parametrize("sparse", [True, False])
def test_a_sharded_model_comes_back(model, sparse, tmp_path):
    model.save_pretrained(tmp_path, sparse=sparse, max_shard_size="4KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    assert not (tmp_path / WEIGHTS).exists()
    assert_same(VPNsForImageClassification.from_pretrained(tmp_path), model)


def test_a_value_that_rounds_to_zero_stays_kept(tmp_path):
    model = tiny_model()
    for layer in model.masked_layers().values():
        layer.weight.data[layer.weight_mask] = 1e-12
    model.save_pretrained(tmp_path, max_shard_size="4KB")
    loaded = VPNsForImageClassification.from_pretrained(tmp_path, dtype=torch.float16)
    assert loaded.sparsity == model.sparsity
    for name, layer in loaded.masked_layers().items():
        assert layer.weight.dtype == torch.float16
        assert not layer.weight.any()
        assert torch.equal(layer.weight_mask, model.masks()[name])


@pytest.mark.parametrize("dtype", [None, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shards", [{}, {"max_shard_size": "4KB"}])
def test_devices_can_be_chosen_by_accelerate(model, shards, dtype, tmp_path):
    model.save_pretrained(tmp_path, **shards)
    loaded = VPNsForImageClassification.from_pretrained(tmp_path, device_map="auto", dtype=dtype)
    device = next(iter(loaded.parameters())).device
    expected = tiny_model(image_mean=[0.1, 0.2, 0.3], image_std=[0.4, 0.5, 0.6]).to(dtype=dtype, device=device)
    for key, value in expected.state_dict().items():
        mask = expected.state_dict().get(f"{key}_mask", torch.tensor(True))
        assert torch.equal(loaded.state_dict()[key], torch.where(mask, value, 0)), key


@pytest.mark.filterwarnings("ignore:The following device_map keys do not match any submodules")  # they are tensors
def test_layers_can_stay_on_disk(model, tmp_path):
    model.save_pretrained(tmp_path)
    on_cpu = ["backbone.resnet.embedder", "backbone.resnet.pooler", "backbone.classifier", "visual_prompt"]
    on_cpu += ["label_mapping", "image_mean", "image_std"]
    places = {**dict.fromkeys(on_cpu, "cpu"), "backbone.resnet.encoder": "disk"}
    loaded = VPNsForImageClassification.from_pretrained(
        tmp_path, device_map=places, offload_folder=tmp_path / "offloaded"
    )
    assert {parameter.device.type for parameter in loaded.parameters()} == {"cpu", "meta"}
    assert torch.equal(loaded(pictures()).logits, model(pictures()).logits)
    assert loaded.sparsity == model.sparsity


def test_layers_in_memory_are_ordinary(model, tmp_path):
    model.save_pretrained(tmp_path)
    for layer in VPNsForImageClassification.from_pretrained(tmp_path).masked_layers().values():
        assert type(layer.weight) is torch.nn.Parameter
        assert layer.weight.layout == torch.strided
        assert layer.weight.is_contiguous()
        assert layer.weight.requires_grad
        assert (layer.weight[~layer.weight_mask] == 0).all()


@pytest.mark.parametrize("sparse", [True, False])
def test_a_layer_without_any_weight_comes_back(sparse, tmp_path):
    model = tiny_model()
    model.masks()["classifier.1"].zero_()
    model.save_pretrained(tmp_path, sparse=sparse)
    assert_same(VPNsForImageClassification.from_pretrained(tmp_path), model)


@pytest.mark.parametrize("sparse", [True, False])
def test_a_loaded_model_can_be_saved_over_its_own_files(model, sparse, tmp_path):
    model.save_pretrained(tmp_path, sparse=sparse)
    loaded = VPNsForImageClassification.from_pretrained(tmp_path)
    loaded.save_pretrained(tmp_path, sparse=sparse)
    assert_same(loaded, model)
    assert_same(VPNsForImageClassification.from_pretrained(tmp_path), model)


def test_the_first_layout_which_had_no_checksums_is_refused(model, tmp_path):
    model.save_pretrained(tmp_path)
    save_file(without_checksums(load_file(tmp_path / WEIGHTS), required=True), tmp_path / WEIGHTS, {"format": "pt"})
    config = json.loads((tmp_path / "config.json").read_text())
    refusals = {1: r"storage_version is 1; this code reads 2 only: load and save it with vpns_hf 0\.1\.0"}
    refusals |= dict.fromkeys(
        (2, None), f"{WEIGHTS}: the checkpoint has no checksums: it is damaged, or of a version that"
    )
    for version, words in refusals.items():
        (tmp_path / "config.json").write_text(json.dumps({**config, "storage_version": version}))
        with pytest.raises(ValueError, match=words) as caught:
            VPNsForImageClassification.from_pretrained(tmp_path)
        assert "\n" not in str(caught.value).strip()


def test_the_stock_class_reads_plain_tensors(model, tmp_path):
    model.save_pretrained(tmp_path, sparse=False)
    config = AutoConfig.from_pretrained(tmp_path).backbone_config
    stock, info = ResNetForImageClassification.from_pretrained(tmp_path, config=config, output_loading_info=True)
    assert type(stock) is ResNetForImageClassification
    assert not info["missing_keys"]
    assert not info["mismatched_keys"]
    expected = model.to_backbone()
    assert torch.equal(stock(pictures()).logits, expected(pictures()).logits)
    assert same(expected.state_dict(), stock.state_dict())
    stock.save_pretrained(tmp_path / "stock")
    assert torch.equal(
        ResNetForImageClassification.from_pretrained(tmp_path / "stock")(pictures()).logits,
        expected(pictures()).logits,
    )


def test_nothing_of_training_and_no_pickle_is_saved(tmp_path):
    model = tiny_model()
    learn(model.masked_layers(), 0.7).update()
    model.save_pretrained(tmp_path, max_shard_size="4KB")
    suffixes = {path.suffix for path in tmp_path.iterdir()}
    assert suffixes == {".json", ".py", ".safetensors"}
    known = {"checksums", "label_mapping", "visual_prompt.prompt", *model.backbone.state_dict()}
    for name in stored_tensors(tmp_path):
        plain = name.removeprefix("backbone.").removesuffix("_bits").removesuffix("_values")
        assert plain in known, name
    loaded = VPNsForImageClassification.from_pretrained(tmp_path)
    assert torch.equal(loaded(pictures()).logits, model(pictures()).logits)


def test_a_loaded_model_keeps_its_mask_while_it_is_trained(model, tmp_path):
    model.save_pretrained(tmp_path / "before")
    loaded = VPNsForImageClassification.from_pretrained(tmp_path / "before").train()
    optimizer = torch.optim.SGD(loaded.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-2)
    for step in range(3):
        loaded(pictures(4, seed=step), labels=torch.tensor([0, 1, 2, 0])).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    loaded.save_pretrained(tmp_path / "after")
    after = VPNsForImageClassification.from_pretrained(tmp_path / "after")
    assert after.sparsity == model.sparsity
    for name, layer in after.masked_layers().items():
        assert torch.equal(layer.weight_mask, model.masks()[name])
        assert (layer.weight[~layer.weight_mask] == 0).all()
        assert not torch.equal(layer.weight, model.masked_layers()[name].masked())
    assert torch.equal(after(pictures()).logits, loaded.eval()(pictures()).logits)


def test_a_channels_last_model_comes_back(model, tmp_path):
    turned = tiny_model(image_mean=[0.1, 0.2, 0.3], image_std=[0.4, 0.5, 0.6]).to(memory_format=torch.channels_last)
    model.save_pretrained(tmp_path / "rows")
    turned.save_pretrained(tmp_path / "last")
    assert (tmp_path / "rows" / WEIGHTS).read_bytes() == (tmp_path / "last" / WEIGHTS).read_bytes()


def test_the_auto_classes_load_it(model, tmp_path):
    model.save_pretrained(tmp_path)
    assert type(AutoConfig.from_pretrained(tmp_path)) is VPNsConfig
    loaded = AutoModelForImageClassification.from_pretrained(tmp_path)
    assert type(loaded) is VPNsForImageClassification
    assert_same(loaded, model)


def test_saving_twice_gives_the_same_bytes(model, tmp_path):
    model.save_pretrained(tmp_path / "one")
    VPNsForImageClassification.from_pretrained(tmp_path / "one").save_pretrained(tmp_path / "two")
    for name in sorted(path.name for path in (tmp_path / "one").iterdir() if path.is_file()):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


@pytest.mark.parametrize("sparse", [True, False])
def test_a_pruned_weight_is_zero_or_absent_on_disk(sparse, tmp_path):
    model = tiny_model()
    with torch.no_grad():
        for layer in model.masked_layers().values():
            layer.weight[~layer.weight_mask] = 123.0
    model.save_pretrained(tmp_path, sparse=sparse)
    tensors = stored_tensors(tmp_path)
    assert not any((tensor == 123).any() for tensor in tensors.values() if tensor.is_floating_point())
    for name, mask in model.masks().items():
        prefix = "backbone." if sparse else ""
        assert f"{prefix}{name}.weight_bits" in tensors
        assert not [key for key in tensors if key.endswith("_mask")]
        if sparse:
            assert f"backbone.{name}.weight" not in tensors
            assert tensors[f"backbone.{name}.weight_values"].numel() == int(mask.sum())
        else:
            assert (tensors[f"{name}.weight"][~mask] == 0).all()


def test_the_size_on_disk_is_kept_values_and_one_bit_per_weight(tmp_path):
    model = prune_at_random(tiny_model(), sparsity=0.9)
    model.save_pretrained(tmp_path / "sparse")
    model.save_pretrained(tmp_path / "dense", sparse=False)
    tensors = stored_tensors(tmp_path / "sparse")
    for name, mask in model.masks().items():
        bits, values = (tensors[f"backbone.{name}.weight_{leaf}"] for leaf in ("bits", "values"))
        assert bits.nbytes == -(-mask.numel() // 8)
        assert values.nbytes == 4 * int(mask.sum())
    total = sum(mask.numel() for mask in model.masks().values())
    kept = sum(int(mask.sum()) for mask in model.masks().values())
    smaller = sum(
        (tmp_path / folder / WEIGHTS).stat().st_size * sign for folder, sign in (("dense", 1), ("sparse", -1))
    )
    assert abs(smaller - 4 * (total - kept)) < 1024


def test_a_given_state_dict_is_what_is_saved(model, tmp_path):
    other = tiny_model(seed=3)
    model.save_pretrained(tmp_path, state_dict=other.state_dict())
    stored = stored_tensors(tmp_path)
    assert torch.equal(stored["visual_prompt.prompt"], other.visual_prompt.prompt)
    head = other.masked_layers()["classifier.1"]
    assert torch.equal(stored["backbone.classifier.1.weight_values"], head.weight[head.weight_mask])


def test_the_configuration_says_how_it_is_stored(model, tmp_path):
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["sparsity"] == model.sparsity
    assert config["storage_version"] == 2
    assert config["architectures"] == ["VPNsForImageClassification"]
    assert config["model_type"] == "vpns"
    assert config["backbone_config"]["model_type"] == "resnet"
    assert config["id2label"] == {"0": "cat", "1": "dog", "2": "owl"}
    assert config["label2id"] == {"cat": 0, "dog": 1, "owl": 2}


def test_a_state_dict_in_memory_can_be_loaded(model):
    loaded = VPNsForImageClassification.from_pretrained(None, config=model.config, state_dict=model.state_dict())
    assert torch.equal(loaded(pictures()).logits, model(pictures()).logits)


def test_loading_reports_nothing_missing(model, tmp_path):
    model.save_pretrained(tmp_path)
    _, info = VPNsForImageClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())


@pytest.mark.parametrize("garbage", [0, 1])
def test_buffers_are_refilled_after_loading(model, tmp_path, monkeypatch, garbage):
    """Buffers that are in no file come back from the meta device as uninitialised memory, which may hold anything."""
    model.save_pretrained(tmp_path)
    assert not [key for key in stored_tensors(tmp_path) if key.startswith("image_") or key.endswith("prompt_mask")]
    monkeypatch.setattr(torch, "empty_like", lambda like, **options: torch.full_like(like, garbage, **options))
    loaded = VPNsForImageClassification.from_pretrained(tmp_path)
    assert loaded.image_mean.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert loaded.image_std.flatten().tolist() == pytest.approx([0.4, 0.5, 0.6])
    assert torch.equal(loaded.visual_prompt.prompt_mask, model.visual_prompt.build_mask())


def test_key_mapping_does_not_rename_on_the_next_save(model, tmp_path):
    model.save_pretrained(tmp_path / "one")
    loaded = VPNsForImageClassification.from_pretrained(tmp_path / "one", key_mapping={"^old_name": "backbone"})
    assert_same(loaded, model)
    loaded.save_pretrained(tmp_path / "two")
    assert stored_tensors(tmp_path / "two").keys() == stored_tensors(tmp_path / "one").keys()
    assert_same(VPNsForImageClassification.from_pretrained(tmp_path / "two"), model)


CODE = [
    "channels.py",
    "checksums.py",
    "classes.py",
    "configuration_vgg.py",
    "configuration_vpns.py",
    "masked_layers.py",
    "modeling_vgg.py",
    "modeling_vpns.py",
    "normalisation.py",
    "sparse_storage.py",
    "stock.py",
    "visual_prompts.py",
    "weight_index.py",
    "whole_numbers.py",
]
AUTO_MAP = {
    "AutoConfig": "configuration_vpns.VPNsConfig",
    "AutoModelForImageClassification": "modeling_vpns.VPNsForImageClassification",
}


def test_every_save_carries_the_code_and_says_so(model, tmp_path):
    model.save_pretrained(tmp_path / "0")
    for step in range(1, 3):
        auto = AutoModelForImageClassification.from_pretrained(tmp_path / str(step - 1))
        auto.save_pretrained(tmp_path / str(step))
    for folder in tmp_path.iterdir():
        assert sorted(path.name for path in folder.glob("*.py")) == CODE
        assert json.loads((folder / "config.json").read_text())["auto_map"] == AUTO_MAP


def damaged(model: VPNsForImageClassification, folder: Path, change) -> Path:
    """Saves `model` and rewrites its tensors, checksums included, after `change` has been at them."""
    model.save_pretrained(folder)
    tensors = without_checksums(load_file(folder / WEIGHTS), required=True)
    change(tensors)
    save_file(with_checksums(tensors), folder / WEIGHTS, metadata={"format": "pt"})
    return folder


HEAD = "backbone.classifier.1.weight"


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda tensors: tensors.pop(f"{HEAD}_bits"), f"{HEAD}_mask"),
        (lambda tensors: tensors.pop(f"{HEAD}_values"), f"missing {HEAD}"),
        (lambda tensors: tensors.pop("label_mapping"), "missing label_mapping"),
        (lambda tensors: tensors.pop("visual_prompt.prompt"), r"missing visual_prompt\.prompt"),
        (lambda tensors: tensors.pop("backbone.classifier.1.bias"), r"missing backbone\.classifier\.1\.bias"),
        (lambda tensors: tensors.update(stranger=torch.ones(2)), "unexpected stranger"),
        (lambda tensors: tensors.update({"stranger_bits": torch.ones(2)}), "unexpected stranger_bits"),
        (lambda tensors: tensors.update({f"{HEAD}_bits": tensors[f"{HEAD}_bits"][:-1]}), f"{HEAD}_bits"),
        (lambda tensors: tensors.update({f"{HEAD}_bits": tensors[f"{HEAD}_bits"] | 255}), f"{HEAD}_bits"),
        (lambda tensors: tensors.update({f"{HEAD}_values": tensors[f"{HEAD}_values"][1:]}), f"{HEAD}_values"),
        (lambda tensors: tensors.update(label_mapping=torch.tensor([0, 1])), "label_mapping of shape"),
    ],
)
def test_a_damaged_checkpoint_is_refused_by_name(model, tmp_path, change, names):
    folder = damaged(model, tmp_path, change)
    assert re.search(names, refusal(VPNsForImageClassification.from_pretrained, folder, error=ValueError))


@pytest.mark.parametrize("mapping", [[0, 1, 99], [0, 1, -1], [0.0, 1.0, 1.5]])
def test_a_label_mapping_to_no_source_class_is_refused(model, tmp_path, mapping):
    folder = damaged(model, tmp_path, lambda tensors: tensors.update(label_mapping=torch.tensor(mapping)))
    with pytest.raises(ValueError, match="label_mapping"):
        VPNsForImageClassification.from_pretrained(folder)


def test_a_checkpoint_of_another_backbone_is_refused(model, tmp_path):
    model.save_pretrained(tmp_path)
    other = tiny_model()
    other.config.backbone_config.hidden_sizes = [8, 16]
    other.config.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="weight"):
        VPNsForImageClassification.from_pretrained(tmp_path)


def test_weights_of_a_plain_model_are_refused(model, tmp_path):
    model.to_backbone().save_pretrained(tmp_path)
    model.config.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="does not fit the model: missing"):
        VPNsForImageClassification.from_pretrained(tmp_path)


def test_the_folder_of_a_plain_model_is_refused(model, tmp_path):
    model.to_backbone().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="from_backbone"):
        VPNsForImageClassification.from_pretrained(tmp_path)


def test_other_classes_are_not_filled_in_silently(model, tmp_path):
    model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="label_mapping"):
        VPNsForImageClassification.from_pretrained(tmp_path, num_labels=2, ignore_mismatched_sizes=True)


def test_weights_are_in_the_pytorch_layout_of_safetensors(model, tmp_path):
    model.save_pretrained(tmp_path)
    with safe_open(tmp_path / WEIGHTS, framework="pt") as file:
        assert file.metadata() == {"format": "pt"}


@pytest.mark.parametrize("sparse", [True, False])
def test_a_layer_that_was_not_masked_when_it_was_saved_is_whole(tmp_path, sparse):
    """Earlier versions masked no layer of a derived class, such as the depthwise convolutions of EfficientNet."""
    backbone = randomised(AutoModelForImageClassification.from_config, FAMILIES["efficientnet"])
    model = pruned(backbone, image_size=32)
    derived = {name: layer for name, layer in model.masked_layers().items() if "depthwise" in name}
    for layer in derived.values():
        layer.weight_mask.fill_(True)
    model.save_pretrained(tmp_path, sparse=sparse)
    tensors = without_checksums(load_file(tmp_path / WEIGHTS), required=True)
    for name, layer in derived.items():
        key = f"{'backbone.' if sparse else ''}{name}.weight"
        del tensors[key + "_bits"]
        tensors.pop(key + "_values", None)
        tensors[key] = layer.weight.detach()
    save_file(with_checksums(tensors), tmp_path / WEIGHTS, metadata={"format": "pt"})
    loaded, x = VPNsForImageClassification.from_pretrained(tmp_path), pictures(size=32)
    assert torch.equal(loaded(x).logits, model(x).logits)
    assert loaded.sparsity == model.sparsity


def test_what_is_computed_is_what_is_saved_whoever_wrote_it(tmp_path):
    model = VPNsForImageClassification.from_backbone(tiny_resnet(), image_size=16, prompt_size=2)
    prune_at_random(model)
    model.save_pretrained(tmp_path / "before")
    loaded = VPNsForImageClassification.from_pretrained(tmp_path / "before")
    writes = [
        lambda weight: weight.data.add_(1),
        lambda weight: weight.detach().numpy().fill(0.5),
        lambda weight: setattr(weight, "data", weight.data - 2),
    ]
    for number, write in enumerate(writes):
        with torch.no_grad():
            loaded(pictures())
            for layer in loaded.masked_layers().values():
                write(layer.weight)
            logits = loaded(pictures()).logits
        loaded.save_pretrained(tmp_path / str(number))
        again = VPNsForImageClassification.from_pretrained(tmp_path / str(number))
        assert torch.equal(again(pictures()).logits, logits)
        assert torch.equal(loaded.eval()(pictures()).logits, logits)
        assert torch.equal(loaded(pictures()).logits, logits)


@pytest.mark.parametrize("variant", [None, "fp16"])
def test_a_save_replaces_what_was_saved_there_before(tmp_path, variant):
    one, other = tiny_model(seed=1), tiny_model(seed=2)
    for model, shards in (
        (one, {}),
        (other, {"max_shard_size": "4KB"}),
        (one, {"max_shard_size": "2KB"}),
        (other, {}),
    ):
        model.save_pretrained(tmp_path, variant=variant, **shards)
        loaded = VPNsForImageClassification.from_pretrained(tmp_path, variant=variant)
        assert torch.equal(loaded(pictures()).logits, model(pictures()).logits)
    assert len([path for path in tmp_path.iterdir() if "safetensors" in path.name]) == 1


@pytest.mark.parametrize(
    "change", [nn.utils.parametrizations.weight_norm, nn.utils.parametrizations.spectral_norm, nn.utils.weight_norm]
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_computed_weight_is_not_saved(change, tmp_path):
    model = tiny_model()
    change(model.backbone.classifier[1])
    said = refusal(model.save_pretrained, tmp_path, error=ValueError)
    assert re.search(r"no backbone\.classifier\.1\.weight to save.*remove_parametrizations", said)


def test_layers_that_share_a_weight_are_not_saved(tmp_path):
    model = tiny_model()
    layers = [layer for layer in model.masked_layers().values() if layer.weight.shape == (12, 12, 3, 3)]
    layers += [layer for layer in model.masked_layers().values() if layer.weight.shape == (8, 8, 3, 3)]
    layers[0].weight = layers[1].weight
    with pytest.raises(ValueError, match="share one weight"):
        model.save_pretrained(tmp_path)


def replaced(model: VPNsForImageClassification) -> None:
    model.backbone.classifier[1] = nn.Linear(*reversed(model.backbone.classifier[1].weight.shape))


def softened(model: VPNsForImageClassification) -> None:
    norm = model.backbone.resnet.embedder.embedder.normalization
    nn.utils.parametrize.register_parametrization(norm, "weight", nn.Softplus())


@pytest.mark.parametrize(
    "change",
    [
        replaced,
        softened,
        lambda model: nn.utils.prune.l1_unstructured(model.backbone.classifier[1], "bias", 0.5),
        lambda model: setattr(model.backbone, "more", nn.Linear(2, 2)),
    ],
)
def test_what_nobody_could_load_is_not_saved(change, tmp_path):
    model = tiny_model()
    change(model)
    with pytest.raises(ValueError, match=r"so that nobody could load what is saved[^\n]*$|no [^\n]* to save[^\n]*$"):
        model.save_pretrained(tmp_path / "out")
    assert not list(tmp_path.glob("out/*.safetensors"))


def test_a_model_without_values_is_neither_saved_nor_made_dense(tmp_path):
    model = tiny_model().to("meta")
    for act in (lambda: model.save_pretrained(tmp_path), model.to_dense, model.to_backbone):
        with pytest.raises(ValueError, match=r"^\S+ holds no values[^\n]*$"):
            act()


def test_a_file_of_a_state_dict_is_told_for_what_it_is(model, tmp_path):
    model.config.save_pretrained(tmp_path)
    save_file(model.state_dict(), tmp_path / WEIGHTS, metadata={"format": "pt"})
    with pytest.raises(
        ValueError, match=r"holds the tensors of a state dict, not what save_pretrained writes; [^\n]*$"
    ):
        VPNsForImageClassification.from_pretrained(tmp_path)
