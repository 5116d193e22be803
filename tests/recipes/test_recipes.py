from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
import yaml

from vpns_hf import InputError, VPNsTrainingArguments
from vpns_hf.backbones import BACKBONES
from vpns_hf.cli.parsing import parse_arguments
from vpns_hf.data import DATASETS, find_spec
from vpns_hf.recipes import find_recipe, shipped_file, shipped_names

FOLDER = Path(__file__).parents[2] / "vpns_hf" / "recipes"
TRANSFERS = {"transfer_imagenet", "transfer_small"}  # of `vpns transfer`, see tests/cli/test_transfer.py
RECIPES = {path.stem: path for path in FOLDER.glob("*.yaml") if path.stem not in TRANSFERS}
CONFIGURATIONS = ("cpu", "one_gpu", "multi_gpu", "multi_node")
STUDIES = ("digits", "granularities", "cifar100_tiny", "resnet18_cifar100", "resnet50_tiny_imagenet", "paper_grid")
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


def test_the_names_that_are_shipped():
    names = shipped_names()
    assert {name for name in names if "/" not in name} == {*RECIPES, *TRANSFERS}
    inside = {f"accelerate/{kind}" for kind in CONFIGURATIONS} | {f"studies/{name}" for name in STUDIES}
    assert {name for name in names if "/" in name} == inside
    for name in names:
        assert shipped_file(name).read_text(encoding="utf-8")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_of_the_user_goes_before_a_shipped_name(here):
    assert find_recipe("digits") == RECIPES["digits"]
    (here / "digits").mkdir()  # such as a folder of images
    assert find_recipe("digits") == RECIPES["digits"]
    (here / "digits").rmdir()
    (here / "digits").write_text("seed: 1\n")
    assert find_recipe("digits") == Path("digits")
    assert shipped_file("digits") == RECIPES["digits"]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("digit", "; did you mean digits;"),
        ("resnet18-cifar10", "; did you mean resnet18_cifar10;"),
        ("a/long/way/to/where/it/was/before/digits.yaml", "; did you mean digits;"),
        ("accelerate/gpu", "; did you mean accelerate/"),
        ("nothing like it", "; give a "),
    ],
)
@pytest.mark.parametrize("find", [find_recipe, shipped_file])
def test_a_name_that_is_not_shipped_is_answered_with_one_that_is(here, find, given, meant):
    with pytest.raises(InputError) as error:
        find(given)
    assert f"{given}{meant}" in str(error.value)
    assert "\n" not in str(error.value)
