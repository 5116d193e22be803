from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
import yaml

from tests.data.stand_ins import stand_in_for_hub, write_stand_in
from tests.helpers import tiny_resnet
from vpns_hf import VPNsTrainingArguments
from vpns_hf.backbones import BACKBONES
from vpns_hf.cli.prune import parse_arguments
from vpns_hf.data import DATASETS, find_spec

RECIPES = {path.stem: path for path in (Path(__file__).parents[2] / "vpns_hf" / "recipes").glob("*.yaml")}
NETWORKS = ("resnet18", "resnet50", "vgg16")
BATCH_SIZES = {
    "cifar10": 256,
    "cifar100": 256,
    "tiny-imagenet": 256,
    "flowers102": 128,
    "dtd": 64,
    "food101": 256,
    "oxford_pets": 64,
    "stanford_cars": 128,
    "imagenet-1k": 1024,
}
OF_THE_PAPER = {
    f"{network}_{name.replace('-1k', '').replace('-', '_')}": (network, name)
    for network, name in product(NETWORKS, BATCH_SIZES)
}


def test_there_is_a_recipe_for_every_network_on_every_data_set():
    assert set(RECIPES) == {"digits", *OF_THE_PAPER}


@pytest.mark.parametrize("recipe", sorted(RECIPES.values()), ids=lambda path: path.stem)
def test_a_recipe_is_understood_field_by_field(recipe):
    inputs, args = parse_arguments([f"--config={recipe}"])
    understood = {**vars(inputs), **vars(args)}
    text = recipe.read_text(encoding="utf-8")
    written = yaml.safe_load(text)
    assert len(written) == len([line for line in text.splitlines() if line[:1].isalpha()])
    for name, value in written.items():
        value = float(value) if isinstance(understood[name], float) else value  # 1e-3 is a word to YAML
        assert understood[name] == value, name
    assert inputs.model_name_or_path in BACKBONES
    assert inputs.dataset_name in DATASETS


@pytest.mark.parametrize("name", OF_THE_PAPER)
def test_the_settings_are_the_papers(name):
    """All but these are the defaults, which a test of the arguments compares with the paper."""
    inputs, args = parse_arguments(["--config", str(RECIPES[name])])
    assert (inputs.model_name_or_path, inputs.dataset_name) == OF_THE_PAPER[name]
    assert args.for_dataset(find_spec(inputs.dataset_name)) == VPNsTrainingArguments(
        output_dir=f"output/{name}",
        sparsities=[0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
        train_batch_size=BATCH_SIZES[inputs.dataset_name],
    )


@pytest.mark.parametrize("typo", ["sparsites: [0.4]", "data_set: dtd", "sparsities: [forty]", "sparsities: [40]"])
def test_a_typo_in_a_recipe_is_refused(tmp_path, capsys, prune, typo):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"{RECIPES['resnet18_dtd'].read_text(encoding='utf-8')}{typo}\n", encoding="utf-8")
    ended = prune("--config", recipe, "--dry_run")
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 1


def test_a_recipe_as_the_script_takes_it(prune, monkeypatch, tmp_path):
    tiny_resnet(num_labels=50).save_pretrained(tmp_path / "model")
    folder = write_stand_in(tmp_path / "dtd", "mcimpoi/dtd_split_1")
    stand_in_for_hub(monkeypatch, {"mcimpoi/dtd_split_1": folder}, tmp_path / "cache")
    small = ["--model_name_or_path", tmp_path / "model", "--image_size", 16, "--prompt_size", 2]
    ended = prune("--config", RECIPES["resnet18_dtd"], *small, "--output_dir", tmp_path / "out", "--dry_run")
    assert (ended.code, ended.err) == (0, "")
    assert "Images: 48 train, 5 validation, 17 test; 47 classes" in ended.out
    assert "Batch size: 64\n" in ended.out
    assert "for each of 6 sparsities" in ended.out
