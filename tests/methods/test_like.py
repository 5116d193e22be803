"""A random mask with the layer counts of another network."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.helpers import refusal, tiny_resnet, tiny_vgg
from tests.methods.running import SPARSITY, counts, ran, stages_of
from tests.training_helpers import dense_model, tiny_trainer
from vpns_hf import InputError, VPNsForImageClassification
from vpns_hf.jobs import VPNsTrainingArguments
from vpns_hf.methods import METHODS, scope_of
from vpns_hf.pruning import Pruner
from vpns_hf.pruning.criteria import ScoringContext, magnitude


@pytest.fixture(scope="module")
def other(tmp_path_factory) -> Path:
    """The folder of a network pruned by magnitude."""
    model, folder = dense_model(), tmp_path_factory.mktemp("other")
    Pruner().apply(model, magnitude(ScoringContext(model)), SPARSITY)
    model.save_pretrained(folder)
    return folder


def test_layer_counts_are_those_of_the_other_network(other):
    run = ran(stages := stages_of("random", like=str(other)))
    assert scope_of(stages) == "like"
    masks = VPNsForImageClassification.from_pretrained(other).masks()
    assert counts(run) == [int(mask.sum()) for mask in masks.values()]
    assert counts(run) != counts(ran(stages_of("random")))
    assert any((mask != run.model.masks()[name]).any() for name, mask in masks.items())


def test_the_weights_within_a_layer_depend_on_the_seed(other):
    first, second = (ran(stages_of("random", like=str(other), seed=seed)) for seed in (7, 8))
    assert counts(first) == counts(second)
    assert any((mask != second.model.masks()[name]).any() for name, mask in first.model.masks().items())


def test_what_a_job_is_compared_by_are_the_numbers_and_not_the_name(other, tmp_path):
    def content(folder: Path) -> dict[str, str]:
        return METHODS["random"].contents(VPNsTrainingArguments(method="random", like=str(folder)))

    there = shutil.copytree(other, tmp_path / "there")
    assert content(there) == content(other) != {}
    dense_model().save_pretrained(there)
    assert content(there) != content(other)


def damaged(folder: Path) -> Path:
    (folder / "config.json").write_text("{}")
    return folder


def without_weights(folder: Path, other: Path) -> Path:
    (folder / "config.json").write_bytes((other / "config.json").read_bytes())
    return folder


def stock(folder: Path) -> Path:
    tiny_resnet().save_pretrained(folder)
    return folder


def cut_off(folder: Path, other: Path) -> Path:
    for path in other.iterdir():
        (folder / path.name).write_bytes(path.read_bytes()[: -9 if path.suffix == ".safetensors" else None])
    return folder


def vgg(folder: Path) -> Path:
    model = VPNsForImageClassification.from_backbone(tiny_vgg(), image_size=16, prompt_size=2)
    Pruner().apply(model, magnitude(ScoringContext(model)), SPARSITY)
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder, other: folder / "nowhere", "is no model folder; give one such as output/digits/sparsity-90"),
        (lambda folder, other: folder, "is no model folder"),
        (lambda folder, other: damaged(folder), "cannot be loaded"),
        (lambda folder, other: without_weights(folder, other), "cannot be loaded"),
        (lambda folder, other: stock(folder), "cannot be loaded"),
        (lambda folder, other: cut_off(folder, other), "cannot be loaded"),
        (lambda folder, other: vgg(folder), "the layers to be like are not those of this network"),
    ],
    ids=["nowhere", "empty", "damaged", "without weights", "stock", "cut off", "another architecture"],
)
def test_what_cannot_be_like_is_one_line_before_anything_is_written(tmp_path, other, make, words):
    folder = tmp_path / "folder"
    folder.mkdir()
    like = str(make(folder, other))
    assert words in refusal(tiny_trainer, tmp_path, method="random", sparsities=[SPARSITY], like=like)
    assert not (tmp_path / "out").exists()


def test_another_sparsity_says_which_to_give(tmp_path, other):
    with pytest.raises(InputError, match=r"sparsity 0\.9 removes 4179 .* has lost 2786; give --sparsities 0\.6$"):
        tiny_trainer(tmp_path, method="random", sparsities=[SPARSITY, 0.9], like=str(other))
    assert not (tmp_path / "out").exists()
    tiny_trainer(tmp_path, method="random", sparsities=[SPARSITY], like=str(other))
