from __future__ import annotations

import json
import shutil

import pytest

from tests.data.stand_ins import stand_in_for_hub, write_stand_in
from tests.helpers import contents, tiny_resnet
from tests.training_helpers import TINY_JOB, coloured_split, with_unreadable_row
from vpns_hf import VPNsForImageClassification
from vpns_hf.recipes import shipped_file

pytestmark = pytest.mark.slow  # whole jobs


@pytest.fixture
def job(prune, model_folder, data_folder, tmp_path):
    """Calls the command on a tiny model and tiny data; options given later take their place."""
    data = data_folder()
    named = ["--model_name_or_path", model_folder, "--dataset_name", data, "--output_dir", tmp_path / "out", *TINY_JOB]
    return lambda *options: prune(*named, *options)


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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--sparsities", "0.5", "1.5"], "sparsity 1.5 is not a number in [0, 1)"),
        (["--label_column_name", "species"], "no label column 'species'"),
    ],
)
def test_an_option_that_is_wrong_is_told_in_one_line(job, options, words):
    assert words in job(*options).refusal("vpns prune")


def test_an_image_that_cannot_be_read_is_told_and_nothing_is_left(job, data_folder, tmp_path):
    broken = with_unreadable_row(coloured_split(40), 11)
    ended = job("--dataset_name", data_folder("broken", train=broken, test=coloured_split(17)))
    assert ended.code == 2
    assert "row 11 of the train split" in ended.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", ["", '{"model_type": "unheard-of"}', "[]"])
def test_a_model_whose_configuration_is_corrupt_is_told_in_one_line(job, model_folder, tmp_path, content):
    copy = shutil.copytree(model_folder, tmp_path / "copy")
    (copy / "config.json").write_text(content)
    assert str(copy) in job("--model_name_or_path", copy).refusal("vpns prune")


def test_a_finished_run_is_not_written_over(job, tmp_path):
    (tmp_path / "out" / "sparsity-50").mkdir(parents=True)
    (tmp_path / "out" / "results.json").write_text("{}")
    before = contents(tmp_path / "out")
    line = job().refusal("vpns prune")
    assert all(word in line for word in (str(tmp_path / "out"), "results.json", "--overwrite_output_dir"))
    assert "prompt_size" in job("--overwrite_output_dir", "--prompt_size", "9").refusal("vpns prune")
    assert contents(tmp_path / "out") == before


def test_only_the_main_process_says_what_is_wrong(job, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    ended = job("--sparsities", "1.5")
    assert (ended.code, ended.out, ended.err) == (2, "", "")


def test_a_folder_of_parquet_files_is_streamed(prune, model_folder, tmp_path):
    (tmp_path / "data").mkdir()
    for name, count in (("train", 40), ("test", 17)):
        coloured_split(count).to_parquet(tmp_path / "data" / f"{name}.parquet", batch_size=10)
    named = [
        "--model_name_or_path",
        model_folder,
        "--dataset_name",
        tmp_path / "data",
        "--output_dir",
        tmp_path / "out",
    ]
    ended = prune(*named, *TINY_JOB, "--streaming", "--shuffle_buffer_size", 8)
    assert (ended.code, ended.err) == (0, "")
    assert "Images: 36 train, 4 validation, 17 test; 3 classes" in ended.out
    assert "Decoded images: made anew for every batch, from a stream" in ended.out
    assert (tmp_path / "out" / "sparsity-50" / "model.safetensors").is_file()
    assert "streaming: true" in (tmp_path / "out" / "recipe.yaml").read_text()
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("typo", ["sparsites: [0.4]", "data_set: dtd", "sparsities: [forty]", "sparsities: [40]"])
def test_a_typo_in_a_recipe_is_refused(tmp_path, prune, typo):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"{shipped_file('resnet18_dtd').read_text(encoding='utf-8')}{typo}\n", encoding="utf-8")
    prune("--config", recipe, "--dry_run").refusal("vpns prune")


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
