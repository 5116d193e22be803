from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard

from tests.hub.cards.results import EVALUATION, RESULTS, RUN
from vpns_hf.hub.cards import BEGIN, END, renewed_card, write_model_card
from vpns_hf.reporting import ClassRecord, CostRecord, DenseResult, LayerRecord, Passes, Results, ViewAccuracy

HEADER = """\
library_name: transformers
license: apache-2.0
base_model: org/resnet-18
metrics:
- accuracy
pipeline_tag: image-classification
tags:
- vpns
- pruning
- sparse
- weight
- sparsity-70
- visual-prompting
- arxiv:2312.01397
datasets: org/digits
base_model_relation: finetune
model-index:
- name: resnet18-digits-70
  results:
  - task:
      type: image-classification
    dataset:
      name: org/digits
      type: org/digits
      split: test
    metrics:
    - type: accuracy
      name: Accuracy with the prompt
      value: 0.9528
    - type: accuracy
      name: Accuracy without the prompt
      value: 0.9417
    - type: top5_accuracy
      name: Top-5 accuracy with the prompt
      value: 0.9931
    - type: top5_accuracy
      name: Top-5 accuracy without the prompt
      value: 0.9861
"""

TABLE = """\
| | Dense | Pruned |
|---|---:|---:|
| Sparsity requested | | 70% |
| Sparsity achieved | | 70.01% |
| Top-1, with the prompt | | 95.28% |
| Top-1, without the prompt | 95.56% | 94.17% |
| Top-5, with the prompt | | 99.31% |
| Top-5, without the prompt | 99.80% | 98.61% |
| Passes over the training images, forward and backward | not recorded | not recorded |
| Prunable weights kept | 11,678,912 | 3,502,506 |
| Density without unused head rows | | 29.12% |
| Top-1 with the prompt over seeds, mean ± standard deviation | | not measured |
| MACs for one picture; pruned: those with a non-zero weight | 1.81 G | 544 M (30.00%) |
| Latency (batch of 1, float32, CPU, 2 threads) | 30.5 ms | 30.7 ms |
| Size of the weights on disk | 46.83 MB | 0.02 MB |
"""

NAME = "org/resnet18-digits-70"


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "sparsity-70"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(bytes(23456))
    return folder


@pytest.fixture
def card(folder):
    """Returns the card of results, as a repository's; changes are those of its run."""

    def made(results: Results = RESULTS, name: str = NAME, **changes: object) -> ModelCard:
        run = replace(results.runs[0], **changes)
        of_model = replace(results, runs=[run, *results.runs[1:]]).of_model(run)
        return ModelCard(renewed_card(folder, of_model, name, "apache-2.0"))

    return made


def test_the_header_says_what_was_measured(card):
    _, header, _ = str(card()).split("---\n", 2)
    assert yaml.safe_load(header) == yaml.safe_load(HEADER)


def test_the_table(card):
    assert f"\n\n{TABLE}\n" in card().text


def test_a_stroke_in_the_name_of_a_class_ends_no_cell(card):
    found = [ClassRecord("cat|dog", 50, ViewAccuracy(0.5, 0.9))]
    text = card(replace(RESULTS, dense=replace(RESULTS.dense, classes=found)), classes=found).text
    assert "\n| Class that lost most, cat\\|dog (50 images), with the prompt | 90.00% | 50.00% |\n" in text


def test_all_that_is_generated_stands_between_the_markers(card):
    text = card().text
    assert text.strip().startswith(f"{BEGIN}\n")
    assert text.strip().endswith(f"\n{END}")


def test_the_result_in_one_line(card):
    assert (
        "**70.01% of 11,678,912 prunable weights removed. Top-1 accuracy on the test split of `org/digits`: "
        "95.28% with the prompt, 94.17% without; dense model: 95.56%.**\n"
    ) in card().text


def test_the_line_says_what_both_sides_cost_and_on_how_many_images(card):
    dense = DenseResult(0.9556, 0.998, "test", 8)
    text = card(replace(RESULTS, dense=dense, images={"test": 1360}), passes=Passes(search=4, tuning=3)).text
    assert (
        "on the test split of `org/digits` (1,360 images): 95.28% with the prompt, 94.17% without, after 7 passes over the "
        "training images; dense model: 95.56%, after 8 passes.**\n"
    ) in text
    assert "| Passes over the training images, forward and backward | 8 passes | 7 (4 search, 3 tuning) |\n" in text


def test_every_number_in_percent_is_one_of_the_results(card):
    prose = re.sub(r"```.*?```", "", card().text, flags=re.DOTALL)
    written = set(re.findall(r"\b\d+(?:\.\d+)?%", prose))
    assert written == {
        *("70%", "70.01%", "30.00%", "95.28%", "94.17%", "99.31%", "98.61%"),
        *("95.56%", "99.80%", "29.12%", "96.11%", "95.00%"),
    }


def test_a_number_that_was_not_measured_is_said_to_be_so(tmp_path):
    run = replace(RUN, accuracy=ViewAccuracy(None, 0.9417), top5=ViewAccuracy(), effective_density=None)
    run = replace(run, prompt_at_inference=False, validation=None, cost=CostRecord())
    text = renewed_card(tmp_path, Results(DenseResult(), [run]), "net")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:2] == "| "]
    assert len(cells) == TABLE.count("\n") - 3  # without top-5, which a few classes have not
    measured = {title: cell for title, _, cell in cells[1:] if cell != "not measured"}
    assert measured == {
        "Passes over the training images, forward and backward": "not recorded",
        "Top-1, with the prompt": "no prompt",
        "Sparsity requested": "70%",
        "Sparsity achieved": "70.01%",
        "Top-1, without the prompt": "94.17%",
        "Prunable weights kept": "3,502,506",
    }
    assert "No validation split chose the epoch or the default view." in text
    assert "The command was not recorded." in text
    assert "The versions were not recorded." in text
    assert "license: unknown\n" in text
    assert [result.metric_value for result in ModelCard(text).data.eval_results] == [0.9417]


def test_a_card_without_any_accuracy_has_no_model_index(card):
    made = card(accuracy=ViewAccuracy(), top5=ViewAccuracy())
    assert made.data.eval_results is None
    assert "model-index" not in made.content


def test_the_view_the_model_uses_comes_first(card):
    made = card(prompt_at_inference=False)
    names = [result.metric_name for result in made.data.eval_results]
    assert names[:2] == ["Accuracy without the prompt", "Accuracy with the prompt"]
    assert "By default the saved model is applied without the prompt;" in made.text


def test_the_card_says_which_split_chose_and_which_measured(card):
    text = card().text
    assert (
        "- Epoch 2 of the last stage and the default view were chosen on the validation split (96.11% with the prompt, "
        "95.00% without). The accuracies in the table were measured on the test split.\n"
    ) in text
    assert "A tenth of train" not in text


def test_without_a_validation_split_the_card_gives_the_protocol(card):
    text = card(validation=None).text
    assert "- No validation split chose the epoch or the default view." in text
    assert "- A tenth of train is the validation split.\n" in text


def test_the_card_says_how_many_images_were_left_out_or_misread(card):
    assert "image processor (16 bits" not in card().content
    content = card(replace(RESULTS, skipped_images={"train": 2}, misread_images={"train": 1200, "test": 3})).content
    assert "Images that could not be read and were left out: 2 train." in content
    assert "(16 bits or floats), used all the same: 1,200 train, 3 test." in content


def test_the_card_says_how_many_images_stand_in_two_splits(card):
    assert "also training images" not in card().content
    counted = replace(RESULTS, images={"train": 1800, "test": 200}, copied_images={"test": {"train": 12}})
    assert card(counted).content.count("12 of 200 test images are also training images, byte for byte.") == 1


def test_the_card_warns_of_speed(card):
    assert "Unstructured sparsity gives no speed-up on common hardware" in card().text


def test_local_names_show_no_folders_and_are_no_hub_ids(folder, tmp_path):
    local = replace(RESULTS, model=str(tmp_path / "models" / "my-resnet"), dataset="../private/digits")
    local = replace(local, command=f"{tmp_path}/bin/python scripts/prune.py --dataset_name ../private/digits")
    card = ModelCard.load(write_model_card(folder, local, RUN))
    assert card.data.base_model is None
    assert card.data.datasets is None
    assert card.data.eval_results[0].dataset_name == "./digits"
    assert "pruned from `./my-resnet`" in card.text
    assert "\npython scripts/prune.py --dataset_name ./digits\n" in card.text
    for written in (card.content, (folder / "results.json").read_text()):
        assert str(tmp_path) not in written
        assert "private" not in written


def test_short_names_stand_for_what_the_hub_has(card):
    made = card(replace(RESULTS, model="resnet18", dataset="cifar100"))
    assert (made.data.base_model, made.data.base_model_relation) == ("timm/resnet18.tv_in1k", "finetune")
    assert made.data.datasets == "uoft-cs/cifar100"
    assert {result.dataset_type for result in made.data.eval_results} == {"uoft-cs/cifar100"}
    assert "pruned from `timm/resnet18.tv_in1k`" in made.text
    untrained = card(replace(RESULTS, model="resnet-small", dataset="digits"))
    assert (untrained.data.base_model, untrained.data.datasets) == (None, None)
    assert "pruned from `resnet-small`" in untrained.text


def test_a_folder_with_a_short_name_is_not_what_the_hub_has_by_that_name(folder, tmp_path, monkeypatch):
    for name in ("images/cifar10", "models/resnet18"):
        (tmp_path / "work" / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    write_model_card(folder, replace(RESULTS, model="models/resnet18", dataset="images/cifar10"), RUN)
    monkeypatch.chdir(tmp_path)  # where the folders are not
    kept = Results.load(folder / "results.json")
    for made in (ModelCard.load(folder / "README.md"), ModelCard.load(write_model_card(folder, kept, RUN))):
        assert (made.data.base_model, made.data.datasets) == (None, None)
        assert "pruned from `./resnet18`" in made.text
        assert "test split of `./cifar10`" in made.text
        assert "uoft-cs" not in made.content


def test_the_snippet_loads_the_repository_or_the_folder(card, folder):
    local = ModelCard.load(write_model_card(folder, RESULTS, RUN))
    for made, name in ((card(), NAME), (local, "sparsity-70")):
        (snippet,) = re.findall(r"```python\n(.*?)```", made.text, flags=re.DOTALL)
        calls = [node for node in ast.walk(ast.parse(snippet)) if isinstance(node, ast.Constant)]
        assert sum(call.value == name for call in calls) == 2
        assert snippet.count("trust_remote_code=True") == 2


def test_a_pruned_model_without_a_prompt_has_no_word_of_one(card):
    text = card(method="omp", accuracy=ViewAccuracy(None, 0.9)).text
    assert "A visual prompt" not in text
    assert "Top-1 accuracy on the test split of `org/digits`: 90.00%; dense model: 95.56%.**" in text
    assert "| Top-1, with the prompt | | no prompt |" in text
    assert "with the method `omp`" in text


def test_mean_and_spread_over_seeds(card):
    """92, 94 and 96% with the prompt: mean 94, sample standard deviation 2; other sparsities do not count."""
    runs = [
        replace(RUN, seed=seed, accuracy=ViewAccuracy(value, 0.5))
        for seed, value in ((7, 0.92), (9, 0.94), (17, 0.96))
    ]
    other = replace(RUN, seed=9, sparsity_requested=0.9, accuracy=ViewAccuracy(0.1, 0.1))
    text = card(Results(DenseResult(), [*runs, other])).text
    assert "| Top-1 with the prompt over seeds, mean ± standard deviation | | 94.00% ± 2.00%, 3 seeds |\n" in text


def test_pictures_and_recipe_are_linked_where_they_are(card, folder):
    assert "![" not in card().text
    (folder / "plots").mkdir()
    (folder / "plots/prompt.png").write_bytes(b"")
    (folder / "recipe.yaml").write_text("seed: 7\n")
    text = card().text
    assert "\n\n![What the prompt adds to a picture](plots/prompt.png)\n\n## How it was made\n" in text
    assert "All settings: [recipe.yaml](recipe.yaml), to be given to `--config`.\n" in text
    assert "density_by_layer" not in text


def test_the_sizes_of_shards_add_up(card, folder):
    (folder / "model-2.safetensors").write_bytes(bytes(10**6))
    assert "| 46.83 MB | 1.02 MB |" in card().text


def test_the_results_of_the_model_lie_beside_its_card(folder):
    other = replace(RUN, sparsity_requested=0.9, path="sparsity-90")
    write_model_card(folder, replace(RESULTS, runs=[other, RUN]), RUN)
    assert Results.load(folder / "results.json") == replace(RESULTS, runs=[replace(RUN, path=".")])


def test_a_new_card_replaces_the_old_one(folder):
    write_model_card(folder, RESULTS, RUN)
    text = write_model_card(folder, RESULTS, replace(RUN, seed=9)).read_text()
    assert "seed 9." in text
    assert "seed 7." not in text


def test_a_layer_without_weights_stands_among_the_limits(card):
    told = "\n- No weight is left in a.conv, b.conv and 1 more layers: nothing of the picture passes through"
    layers = [LayerRecord(name, (4,), 0) for name in ("a.conv", "b.conv", "c.conv")]
    assert told in card(layers=layers).text
    assert "No weight is left" not in card(layers=[LayerRecord("a.conv", (4,), 1)]).text
    assert "\n\n- Unstructured sparsity" in card(layers=layers).text


@pytest.mark.parametrize(
    ("images", "told"), [(100, "91.00% with the prompt, 92.00% without"), (40, "95.28% with the prompt")]
)
def test_an_evaluation_on_other_images_does_not_take_the_place_of_the_headline(card, images, told):
    """The dense figure beside it is of the images of the job."""
    evaluation = replace(EVALUATION, images=images, nonzero=RUN.nonzero, total=RUN.total)
    made = card(replace(RESULTS, images={"test": 100}, evaluations=[evaluation]))
    assert f"`org/digits` (100 images): {told}" in made.text
    values = [result.metric_value for result in made.data.eval_results if result.metric_type == "accuracy"]
    assert sorted(values) == ([0.91, 0.92] if images == 100 else [0.9417, 0.9528])
    assert "## Evaluation on the test split" in made.text
