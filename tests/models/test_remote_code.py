"""A saved folder works on a machine that has no vpns_hf: in a process of its own, with `trust_remote_code=True`."""

from __future__ import annotations

import copy
import json
import zlib
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoImageProcessor, AutoModelForImageClassification, pipeline

import vpns_hf
from tests.helpers import pictures, pruned, tiny_resnet, tiny_vgg
from tests.models.isolated import run
from vpns_hf import VPNsForImageClassification
from vpns_hf.jobs.output import save_model

pytestmark = pytest.mark.slow
BACKBONES = {"a stock backbone": tiny_resnet, "a backbone of ours": tiny_vgg}


@pytest.fixture(scope="module")
def models() -> list[VPNsForImageClassification]:
    fields = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]}
    return [pruned(build(), **fields) for build in BACKBONES.values()]


@pytest.fixture(scope="module")
def folders(models, tmp_path_factory) -> list[Path]:
    """The saved models, an image and a batch beside each folder, and what another process wrote there."""
    root = tmp_path_factory.mktemp("remote")
    folders = [root / str(number) / "sparsity-60" for number in range(len(models))]
    colours = (pictures(1, size=20)[0].permute(1, 2, 0) * 255).to(torch.uint8)
    for model, folder in zip(models, folders, strict=True):
        save_model(model, folder)
        save_file({"x": pictures()}, folder.parent / "pictures.safetensors")
        Image.fromarray(colours.numpy()).save(folder.parent / "picture.png")
    run("remote_code.py", root, *folders)
    return folders


@pytest.fixture(scope="module", params=range(len(BACKBONES)), ids=list(BACKBONES))
def number(request) -> int:
    return request.param


@pytest.fixture
def model(number, models) -> VPNsForImageClassification:
    return models[number]


@pytest.fixture
def folder(number, folders) -> Path:
    return folders[number]


@pytest.fixture
def remote(folder) -> Path:
    """What the other process wrote."""
    return folder.parent / "output"


@pytest.fixture
def facts(remote) -> dict:
    return json.loads((remote / "facts.json").read_text())


def test_the_package_was_not_there(facts):
    assert not facts["package_importable"]
    assert not facts["package_loaded"]
    assert facts["config_module"].startswith("transformers_modules.")
    assert facts["model_module"].startswith("transformers_modules.")


@pytest.mark.parametrize("view", ["prompted", "plain"])
def test_logits_are_identical(model, remote, view):
    assert torch.equal(
        load_file(remote / "tensors.safetensors")[view], model(pictures(), prompted=view == "prompted").logits
    )


def test_the_processor_gives_the_same_pixels(folder, remote, facts):
    assert facts["processor"].startswith("ViTImageProcessor")
    processor = AutoImageProcessor.from_pretrained(folder)
    pixels = processor(Image.open(folder.parent / "picture.png"), return_tensors="pt")["pixel_values"]
    assert torch.equal(load_file(remote / "tensors.safetensors")["processed"], pixels)


def test_the_pipeline_gives_the_same_answer(folder, facts):
    local = pipeline("image-classification", model=str(folder))(Image.open(folder.parent / "picture.png"), top_k=3)
    assert {answer["label"] for answer in local} == {"cat", "dog", "owl"}
    assert facts["pipeline"] == local


def test_the_sparsity_is_the_same(model, facts):
    assert facts["sparsity"] == model.sparsity


def test_saving_again_keeps_code_and_auto_map(folder, remote, facts):
    assert facts["resaved_equal"]
    again = remote / "resaved"
    assert sorted(path.name for path in again.glob("*.py")) == sorted(path.name for path in folder.glob("*.py"))
    for file in folder.glob("*.py"):
        assert (again / file.name).read_text() == file.read_text()
    auto_maps = [json.loads((place / "config.json").read_text())["auto_map"] for place in (folder, again)]
    assert auto_maps[0] == auto_maps[1]


def test_what_was_saved_there_loads_here(model, remote):
    loaded = AutoModelForImageClassification.from_pretrained(remote / "resaved")
    assert type(loaded) is VPNsForImageClassification
    assert torch.equal(loaded(pictures()).logits, model(pictures()).logits)


def test_a_vgg_comes_alone_and_the_package_later(tmp_path):
    """Remote and own classes of one name are both registered in the process then."""
    vgg = tiny_vgg()
    model = pruned(vgg)
    vgg.save_pretrained(tmp_path / "vgg")
    model.save_pretrained(tmp_path / "pruned")
    save_file({"x": pictures()}, tmp_path / "pictures.safetensors")
    facts = json.loads(run("remote_vgg.py", tmp_path, tmp_path, Path(vpns_hf.__file__).parents[1]))
    assert all(module.startswith("transformers_modules.") for module in facts["modules"])
    assert facts["own_modules"] == ["vpns_hf.models.modeling_vgg"] * 3
    logits = vgg(pictures()).logits.tolist(), model(pictures()).logits.tolist()
    assert facts["logits"] == list(logits)
    assert facts["own_logits"] == [logits[1]] * 2
    assert facts["adopted_equal"]
    assert facts["still_folds"]


def test_every_way_of_loading_gives_the_same_tensors(tmp_path):
    """One file, several files, plain tensors; chosen dtypes and devices."""
    kinds = {"one": {}, "several": {"max_shard_size": "4KB"}, "plain": {"sparse": False}}
    models = {f"{number}-{kind}": pruned(build()) for number, build in enumerate(BACKBONES.values()) for kind in kinds}
    for name, model in models.items():
        model.save_pretrained(tmp_path / name, **kinds[name.partition("-")[2]])
    assert len(list((tmp_path / "0-several").glob("*.safetensors"))) > 1
    found = json.loads(run("remote_loading.py", tmp_path, *(tmp_path / name for name in models)))
    dtypes = {"plainly": torch.float32, "auto": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    assert len(found) == len(models) * len(dtypes)
    for way, fingerprint in found.items():
        expected = copy.deepcopy(models[way.split()[0]])
        for layer in expected.masked_layers().values():
            layer.weight.data = layer.masked()
        expected.to(dtypes[way.split()[1]])
        tensors = {**expected.state_dict(), **{f"masks {name}": mask for name, mask in expected.masks().items()}}
        assert fingerprint.keys() == tensors.keys()
        for name, tensor in tensors.items():
            content = tensor.contiguous().view(-1).view(torch.uint8).numpy()
            assert fingerprint[name] == zlib.crc32(content, tensor.element_size()), f"{way}: {name}"
