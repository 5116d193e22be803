from __future__ import annotations

import json
import os
import re
import shutil
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from tests.helpers import contents, tiny_model
from tests.hub.runs import write_run
from tests.training_helpers import coloured_split
from vpns_hf import VPNsForImageClassification
from vpns_hf.reporting import Results

TEST = coloured_split(17, seed=5)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return write_run(tmp_path_factory.mktemp("run") / "output", tiny_model(), {0.7: 0.9}, model="net", dataset="data")


@pytest.fixture
def model(run, tmp_path) -> Path:
    """A copy that may be changed."""
    return shutil.copytree(run / "sparsity-70", tmp_path / "sparsity-70")


@pytest.fixture
def evaluate(training_vpns):
    return partial(training_vpns, "evaluate", "--disable_tqdm")


@pytest.fixture
def data(data_folder) -> Path:
    return data_folder(train=coloured_split(9), validation=coloured_split(6), test=TEST)


def top1(folder: Path, rows, prompted: bool) -> str:
    """The accuracy counted by hand, picture by picture."""
    model = VPNsForImageClassification.from_pretrained(folder).eval()
    hits = 0
    for row in rows:
        pixels = torch.from_numpy(np.array(row["image"])).permute(2, 0, 1)[None] / 255
        with torch.no_grad():
            hits += int(model(pixels, prompted=prompted).logits.argmax()) == row["label"]
    return f"{100 * hits / len(rows):.2f}%"


def test_what_is_measured(evaluate, model, data):
    ended = evaluate(model, "--dataset_name", data, "--per_device_eval_batch_size", 4)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("17 images, test split of ")
    accuracies = [top1(model, TEST, prompted) for prompted in (True, False)]
    assert re.search(rf"Top-1 accuracy \| +{accuracies[0]} \| +{accuracies[1]} \|", ended.out)
    assert "Top-5" not in ended.out  # of three classes
    loaded = VPNsForImageClassification.from_pretrained(model)
    assert re.search(rf"Sparsity +\| +\| +{100 * loaded.sparsity:.2f}% \|", ended.out)
    size = (model / "model.safetensors").stat().st_size
    assert re.search(rf"Size of the weights on disk +\| +[\d.]+ MB \| +{size / 1e6:.2f} MB \|", ended.out)
    assert re.search(r"Latency \(batch of 1, float32, .+\) +\| +[\d.]+ ms \| +[\d.]+ ms \|", ended.out)


def test_nothing_is_said_of_a_prompt_that_a_model_does_not_have(evaluate, tmp_path, data):
    base = tiny_model(visual_prompt="none")
    run = write_run(tmp_path / "output", base, {0.7: 0.9}, model="net", dataset="data")
    ended = evaluate(run / "sparsity-70", "--dataset_name", data)
    assert (ended.code, ended.err) == (0, "")
    assert "prompt" not in ended.out
    assert re.search(rf"Top-1 accuracy \| +{top1(run / 'sparsity-70', TEST, False)} \|", ended.out)


@pytest.mark.slow
def test_the_latency_needs_no_images(evaluate, model, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    ended = evaluate(model, "--latency")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("Latency without the prompt, pictures of 16 pixels, ")
    assert ", 1 thread; " in ended.out
    assert re.search(r"\| PyTorch, pruned \| +[\d.]+ ms \([\d.]+ to [\d.]+\) \|", ended.out)
    assert "ONNX Runtime was left out" in ended.out


@pytest.mark.slow
def test_accuracy_and_latency(evaluate, model, data, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    before = torch.get_num_threads()
    ended = evaluate(model, "--dataset_name", data, "--latency", "--threads", 2)
    assert torch.get_num_threads() == before
    assert ended.out.startswith("17 images, test split of ")
    assert "\n\nLatency without the prompt" in ended.out
    assert ", 2 threads; " in ended.out


def test_another_split_or_fewer_images(evaluate, model, data):
    first = ["--dataset_name", data, "--max_test_samples", 5]
    assert evaluate(model, *first).out.startswith("5 images, test split of ")
    assert evaluate(model, *first, "--split", "validation").out.startswith("5 images, validation split of ")


def test_the_card_gets_what_was_measured(evaluate, model, data):
    before = contents(model)
    ended = evaluate(model, "--dataset_name", data, "--update_card")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith(f"Written into the card: {model / 'README.md'}\n")
    after = contents(model)
    assert {name for name in after if after[name] != before.get(name)} == {"README.md", "results.json"}
    assert set(after) == set(before)
    [evaluation] = Results.load(model / "results.json").evaluations
    assert (evaluation.dataset, evaluation.split, evaluation.images) == ("./data", "test", 17)
    assert f"Measured on 17 images, {evaluation.date}, by\n" in card_of(model)
    card = card_of(model)
    assert f"| Top-1, with the prompt | | {top1(model, TEST, True)} |" in card  # it is the data set of the card
    assert str(data.parent).encode() not in after["README.md"] + after["results.json"]


@pytest.mark.slow
def test_the_card_gets_the_latency_without_images(evaluate, model, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    ended = evaluate(model, "--latency", "--update_card")
    assert (ended.code, ended.err) == (0, "")
    said, written = ended.out.rsplit("\n\n", 1)
    assert written == f"Written into the card: {model / 'README.md'}\n"
    assert card_of(model).count(said) == 1
    assert said == str(Results.load(model / "results.json").latency)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ("{model}", "the following arguments are required: --dataset_name, or --latency"),
        ("{model} --latency --split dev", "--split is about images, of which there are none; give --data"),
        ("{model} --latency --update_card --model_revision v1", "leave out --max_test_samples and --model_rev"),
        ("{model} --latency --threads 0", "give a number of at least 1"),
        ("{model} --latency --threads 4096", f"4096; give at most {os.cpu_count()}, the number of processors"),
        ("{model} --dataset_name {data} --threads 2", "--threads is about the latency; give --latency"),
        ("{model} --dataset_name nowhere/at/all", "no data set folder at nowhere/at/all"),
        ("{model} --dataset_name {data} --split dev", "no dev split; the data set has ['train'"),
        ("{model} --dataset_name {data} --max_test_samples 0", "max_test_samples is 0; allowed: 1 to "),
        ("{model} --dataset_name {data} --test_fraction 1.5", "test_fraction is 1.5; allowed: above 0 "),
        ("{model} --dataset_name {data} --cache_images maybe", "invalid choice: 'maybe'"),
        ("{model} --dataset_name {data} --update_card --max_test_samples 3", "leave out --max_test_samples"),
        ("{data} --dataset_name {data}", "holds no pruned model (a config.json of model_type vpns)"),
        ("no/such/folder --dataset_name {data}", "there is no folder no/such/folder, and it is no Hub id"),
        ("{model} --dataset_name digits", "the classes of the data are not those of the model (10 classes, not 3)"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(evaluate, model, data, argv, words):
    assert words in evaluate(*argv.format(model=model, data=data).split()).refusal("vpns evaluate")


def test_classes_in_another_order_are_refused(evaluate, model, data_folder):
    other = data_folder(
        train=coloured_split(9), test=coloured_split(6).cast_column("label", classes("dog", "cat", "owl"))
    )
    assert "the classes of the test split differ" in evaluate(model, "--dataset_name", other).err
    other = data_folder(test=coloured_split(6).cast_column("label", classes("dog", "cat", "owl")))
    assert "in another order (class 0 is 'dog', not 'cat')" in evaluate(model, "--dataset_name", other).err


@pytest.mark.parametrize("names", [("LABEL_0", "LABEL_1", "LABEL_2"), ("0", "1", "2")])
def test_only_classes_without_names_go_by_their_number(evaluate, model, data_folder, names):
    ended = evaluate(model, "--dataset_name", data_folder(test=TEST.cast_column("label", classes(*names))))
    if names[0] == "LABEL_0":
        assert top1(model, TEST, False) in ended.out
    else:
        assert "class 0 is '0', not 'cat'" in ended.err


@pytest.fixture
def without_test(data_folder) -> Path:
    return data_folder(train=coloured_split(40))


def made_with(model: Path, **options) -> None:
    recipe = model / "recipe.yaml"
    recipe.write_text(yaml.safe_dump({**yaml.safe_load(recipe.read_text()), **options}))


def test_without_a_share_to_measure_on_that_of_the_job_is_named(evaluate, model, without_test):
    made_with(model, dataset_name=without_test.name, test_fraction=0.25)
    line = evaluate(model, "--dataset_name", without_test).refusal("vpns evaluate")
    assert line.endswith("has no test split; give --test_fraction 0.25, with which the model was trained on it")
    ended = evaluate(model, "--dataset_name", without_test, "--test_fraction", 0.25)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("10 images, test split of ")


@pytest.mark.parametrize(("of_job", "way_out"), [(0.25, "; give 0.25"), (None, "; leave it out")])
def test_another_share_would_hold_training_images(evaluate, model, without_test, of_job, way_out):
    made_with(model, dataset_name=without_test.name, **({"test_fraction": of_job} if of_job else {}))
    line = evaluate(model, "--dataset_name", without_test, "--test_fraction", 0.5).refusal("vpns evaluate")
    assert "test_fraction is 0.5, but the model was trained with" in line
    assert line.endswith(
        f"rows to measure on would be training images{way_out}, or, if this is another folder of that name, rename it"
    )


@pytest.mark.slow
def test_the_share_of_a_folder_that_has_grown_is_refused(prune, evaluate, model_folder, data_folder, tmp_path):
    """It would be drawn anew, with images that the model was trained on."""
    few = ("--find_mask_epochs", 1, "--finetune_epochs", 1, "--image_size", 16, "--prompt_size", 2, "--disable_tqdm")
    grown, out = data_folder(train=coloured_split(40)), tmp_path / "out"
    start = ("--model_name_or_path", model_folder, "--dataset_name", grown, "--test_fraction", 0.25)
    assert prune(*start, "--sparsities", 0.5, *few, "--output_dir", out).code == 0
    share = (out / "sparsity-50", "--dataset_name", grown, "--test_fraction", 0.25)
    results = json.loads((out / "results.json").read_text())
    measured = evaluate(*share)
    assert (measured.code, measured.err) == (0, "")
    assert f"{100 * results['runs'][0]['accuracy']['plain']:.2f}%" in measured.out
    shutil.rmtree(grown)
    data_folder(train=coloured_split(41))
    assert (
        evaluate(*share, "--update_card")
        .refusal("vpns evaluate")
        .startswith(
            f"./{grown.name} holds other images than when the model was trained, so that some of the 0.25 to measure on would be"
        )
    )
    assert json.loads((out / "sparsity-50/results.json").read_text())["evaluations"] == []
    assert evaluate(*share, "--max_test_samples", 3).code == 2


@pytest.mark.slow
def test_the_share_of_a_job_that_tested_on_a_part_of_it_is_measured_on(
    prune, evaluate, model_folder, data_folder, tmp_path
):
    data, out = data_folder(train=coloured_split(40)), tmp_path / "out"
    start = ("--model_name_or_path", model_folder, "--dataset_name", data, "--test_fraction", 0.25)
    few = (
        "--sparsities",
        0.5,
        "--find_mask_epochs",
        1,
        "--finetune_epochs",
        1,
        "--image_size",
        16,
        "--prompt_size",
        2,
    )
    assert prune(*start, *few, "--max_test_samples", 4, "--disable_tqdm", "--output_dir", out).code == 0
    for limit, images in (((), 10), (("--max_test_samples", 3), 3)):
        ended = evaluate(out / "sparsity-50", "--dataset_name", data, "--test_fraction", 0.25, *limit)
        assert ended.out.startswith(f"{images} images, test split of "), ended.err


def test_another_share_of_other_data_is_warned_of(evaluate, model, without_test, caplog):
    made_with(model, dataset_name="photos", test_fraction=0.25)
    assert evaluate(model, "--dataset_name", without_test, "--test_fraction", 0.5).out.startswith("20 images")
    [said] = [record.getMessage() for record in caplog.records if "test_fraction" in record.getMessage()]
    assert said.startswith(
        "the model was trained with test_fraction 0.25, on photos: if its images are among those of"
    )


def test_weights_that_cannot_be_read(evaluate, model, data):
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert "sparsity-70 cannot be loaded: " in evaluate(model, "--dataset_name", data).refusal("vpns evaluate")


def test_weights_that_are_no_numbers(evaluate, model, data):
    network = VPNsForImageClassification.from_pretrained(model)
    name, layer = next(iter(network.masked_layers().items()))
    layer.weight.data[layer.weight_mask] = float("nan")
    network.save_pretrained(model)
    line = evaluate(model, "--dataset_name", data).refusal("vpns evaluate")
    assert f"{name}.weight of the network holds NaN" in line


def card_of(model: Path) -> str:
    return (model / "README.md").read_text()


def classes(*names: str):
    import datasets

    return datasets.ClassLabel(names=list(names))
