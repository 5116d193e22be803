from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import BertConfig, BertForMaskedLM

from tests.data.stand_ins import stand_in_for_hub, write_stand_in
from tests.helpers import tiny_resnet
from tests.training_helpers import coloured_split, with_unreadable_row
from vpns_hf import VPNsForImageClassification
from vpns_hf.recipes import shipped_file

pytestmark = pytest.mark.slow  # whole jobs

TINY = [
    *("--image_size", 16, "--prompt_size", 2, "--train_batch_size", 16, "--find_mask_epochs", 1),
    *("--finetune_epochs", 1, "--sparsities", 0.5, "--disable_tqdm"),
]


@pytest.fixture
def job(prune, model_folder, data_folder, tmp_path):
    """Calls the command on a tiny model and tiny data; options given later take their place."""
    data = data_folder()
    named = ["--model_name_or_path", model_folder, "--dataset_name", data, "--output_dir", tmp_path / "out", *TINY]
    return lambda *options: prune(*named, *options)


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(ended, *words: object) -> None:
    """The command ended with code 2 and one line that holds the words."""
    assert (ended.code, ended.out) == (2, "")
    [line] = ended.err.splitlines()
    assert line.startswith("vpns prune: error: ")
    assert all(str(word) in line for word in words), line


def test_a_job_prints_plan_and_table_and_leaves_results(job, tmp_path):
    ended = job()
    assert ended.code == 0
    assert (
        "Passes over the training images: 4 (2 search, 2 tuning) for the one sparsity, 4 for the dense reference"
        in ended.out
    )
    assert "Asked" in ended.out
    assert str(tmp_path / "out") in ended.out.splitlines()[-1]
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [run["sparsity_requested"] for run in results["runs"]] == [0.5]
    assert f"{100 * results['dense']['accuracy']:.2f}" in ended.out
    assert results["command"].startswith("vpns prune --model_name_or_path ")
    assert VPNsForImageClassification.from_pretrained(tmp_path / "out" / "sparsity-50").sparsity == 0.5


def test_a_dry_run_prints_the_plan_and_writes_nothing(job, tmp_path):
    data = contents(tmp_path)
    ended = job("--dry_run")
    assert ended.code == 0
    assert "Pruned layer" in ended.out
    assert "Asked" not in ended.out
    assert contents(tmp_path) == data


def test_with_nothing_named_the_digits_are_pruned(prune, tmp_path):
    ended = prune("--dry_run", "--output_dir", tmp_path / "out")
    assert ended.code == 0
    assert "10 classes" in ended.out
    assert "at 90% sparsity" in ended.out


def test_help(prune):
    ended = prune("--help")
    assert (ended.code, ended.err) == (0, "")
    assert "Prune an image classifier" in ended.out
    assert "--sparsities" in ended.out


@pytest.mark.parametrize("sparsity", ["1", "1.5", "-0.1", "nan"])
def test_a_sparsity_out_of_range(job, sparsity):
    refused(job("--sparsities", "0.5", sparsity), f"sparsity {float(sparsity)}", "[0, 1)")


@pytest.mark.parametrize(
    ("option", "known"),
    [
        ("--method", "vpns, dense"),
        ("--visual_prompt", "pad, fix, random, expand, none"),
        ("--prompt", "pad, fix, random, expand, none"),
        ("--label_mapping", "frequency, iterative, random, identity"),
    ],
)
def test_an_unknown_name(job, option, known):
    refused(job(option, "magic"), "'magic'", known)


@pytest.mark.parametrize(("option", "value"), [("--image_column_name", "photo"), ("--label_column_name", "species")])
def test_a_column_that_is_missing(job, option, value):
    refused(job(option, value), repr(value), "image", "label")


def test_data_without_images(job, data_folder):
    data = data_folder(
        "bare", train=coloured_split(10).remove_columns("image"), test=coloured_split(10).remove_columns("image")
    )
    refused(job("--dataset_name", data), "no image column", "label")


def test_data_without_labels(job, data_folder):
    data = data_folder(
        "bare", train=coloured_split(10).remove_columns("label"), test=coloured_split(10).remove_columns("label")
    )
    refused(job("--dataset_name", data), "no label column", "image")


def test_more_target_than_source_classes(job, data_folder):
    data = data_folder("seven", train=coloured_split(40, num_classes=7), test=coloured_split(14, num_classes=7))
    refused(job("--dataset_name", data), "7 target classes", "5 classes", "--head new")


@pytest.mark.parametrize("size", ["9", "200"])
def test_a_prompt_larger_than_half_the_image(job, size):
    refused(job("--prompt_size", size), f"prompt_size is {size}", "0 to 8")


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_unreadable_image(job, data_folder, tmp_path, split):
    splits = {"train": coloured_split(40), "validation": coloured_split(13), "test": coloured_split(17)}
    data = data_folder("broken", **{**splits, split: with_unreadable_row(splits[split], 11)})
    ended = job("--dataset_name", data)
    assert ended.code == 2
    [line] = ended.err.splitlines()
    assert f"row 11 of the {split} split" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_empty_split(job, tmp_path, split):
    data = tmp_path / "empty"
    data.mkdir()
    for name, rows in {"train": 40, "test": 17, split: 0}.items():
        coloured_split(40).select(range(rows)).to_parquet(data / f"{name}-00000.parquet")
    refused(job("--dataset_name", data), f"the {split} split is empty; give it at least one image")


def test_a_finished_run_is_not_written_over(job, tmp_path):
    (tmp_path / "out" / "sparsity-50").mkdir(parents=True)
    (tmp_path / "out" / "results.json").write_text("{}")
    before = contents(tmp_path / "out")
    refused(job(), tmp_path / "out", "results.json", "--overwrite_output_dir")
    refused(job("--overwrite_output_dir", "--prompt_size", "9"), "prompt_size")
    assert contents(tmp_path / "out") == before


def test_a_model_that_is_only_on_the_hub(job):
    refused(job("--model_name_or_path", "some/model"), "some/model", "local folder")


def test_data_that_is_only_on_the_hub(job):
    refused(job("--dataset_name", "some/pictures"), "some/pictures", "local folder")


@pytest.mark.parametrize("option", ["--model_name_or_path", "--dataset_name"])
def test_a_folder_that_is_not_there(job, tmp_path, option):
    refused(job(option, tmp_path / "nowhere"), tmp_path / "nowhere")


def test_a_folder_without_a_model(job, tmp_path):
    (tmp_path / "notes").mkdir()
    refused(job("--model_name_or_path", tmp_path / "notes"), tmp_path / "notes", "no image classifier")


def test_a_model_that_is_no_image_classifier(job, tmp_path):
    config = BertConfig(
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        vocab_size=20,
        max_position_embeddings=8,
    )
    BertForMaskedLM(config).save_pretrained(tmp_path / "bert")
    refused(job("--model_name_or_path", tmp_path / "bert"), tmp_path / "bert", "no image classifier")


@pytest.mark.parametrize("content", ["", "{", '{"model_type": "unheard-of"}', "[]"])
def test_a_corrupt_configuration(job, model_copy, content):
    (model_copy / "config.json").write_text(content)
    refused(job("--model_name_or_path", model_copy), model_copy)


@pytest.mark.parametrize("cut", [0, 4, 100, 5000])
def test_corrupt_weights(job, model_copy, cut):
    weights = model_copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:cut])
    refused(job("--model_name_or_path", model_copy), model_copy)


def test_weights_that_are_missing(job, model_copy):
    (model_copy / "model.safetensors").unlink()
    refused(job("--model_name_or_path", model_copy), model_copy)


@pytest.fixture
def model_copy(model_folder, tmp_path) -> Path:
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in model_folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_an_output_folder_that_is_a_file(job, tmp_path):
    (tmp_path / "file").write_text("mine")
    refused(job("--output_dir", tmp_path / "file"), tmp_path / "file", "cannot be written to")
    assert (tmp_path / "file").read_text() == "mine"


def test_only_the_main_process_says_what_is_wrong(job, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    ended = job("--sparsities", "1.5")
    assert (ended.code, ended.out, ended.err) == (2, "", "")


def test_a_folder_of_parquet_files_is_streamed(prune, model_folder, tmp_path):
    (tmp_path / "data").mkdir()
    for name, count in (("train", 40), ("test", 17)):
        coloured_split(count).to_parquet(tmp_path / "data" / f"{name}.parquet", batch_size=10)
    ended = prune(
        *("--model_name_or_path", model_folder, "--dataset_name", tmp_path / "data", "--streaming"),
        *("--shuffle_buffer_size", 8, "--image_size", 16, "--prompt_size", 2, "--train_batch_size", 16),
        *("--find_mask_epochs", 1, "--finetune_epochs", 1, "--output_dir", tmp_path / "out", "--disable_tqdm"),
    )
    assert (ended.code, ended.err) == (0, "")
    assert "Images: 36 train, 4 validation, 17 test; 3 classes" in ended.out
    assert "Decoded images: made anew for every batch, from a stream" in ended.out
    assert (tmp_path / "out" / "sparsity-70" / "model.safetensors").is_file()
    assert "streaming: true" in (tmp_path / "out" / "recipe.yaml").read_text()
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("typo", ["sparsites: [0.4]", "data_set: dtd", "sparsities: [forty]", "sparsities: [40]"])
def test_a_typo_in_a_recipe_is_refused(tmp_path, prune, typo):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"{shipped_file('resnet18_dtd').read_text(encoding='utf-8')}{typo}\n", encoding="utf-8")
    ended = prune("--config", recipe, "--dry_run")
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 1


def test_a_recipe_is_given_by_its_name(prune, monkeypatch, tmp_path):
    tiny_resnet(num_labels=50).save_pretrained(tmp_path / "model")
    folder = write_stand_in(tmp_path / "dtd", "mcimpoi/dtd_split_1")
    stand_in_for_hub(monkeypatch, {"mcimpoi/dtd_split_1": folder}, tmp_path / "cache")
    small = ["--model_name_or_path", tmp_path / "model", "--image_size", 16, "--prompt_size", 2]
    ended = prune("--config", "resnet18_dtd", *small, "--output_dir", tmp_path / "out", "--dry_run")
    assert (ended.code, ended.err) == (0, "")
    assert "Images: 48 train, 5 validation, 17 test; 47 classes" in ended.out
    assert "Batch size: 64, more than" in ended.out
    assert "for each of 6 sparsities" in ended.out
