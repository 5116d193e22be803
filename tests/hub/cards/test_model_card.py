from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard

from vpns_hf.hub.cards import VPNsModelCardData, write_model_card
from vpns_hf.reporting import CostRecord, DenseResult, Results, RunResult, ViewAccuracy

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
| Prunable weights kept | 11,678,912 | 3,502,506 |
| Density without unused head rows | | 29.12% |
| Top-1 with the prompt over seeds, mean ± standard deviation | | not measured |
| MACs for one picture; pruned: those with a non-zero weight | 1.81 G | 544 M |
| Latency (batch of 1, float32, CPU, 2 threads) | 30.5 ms | 30.7 ms |
| Size of the weights on disk | 46.83 MB | 0.02 MB |
"""

UNMEASURED_TABLE = """\
| | Dense | Pruned |
|---|---:|---:|
| Sparsity requested | | 70% |
| Sparsity achieved | | 70.01% |
| Top-1, with the prompt | | not measured |
| Top-1, without the prompt | not measured | 94.17% |
| Top-5, with the prompt | | not measured |
| Top-5, without the prompt | not measured | not measured |
| Prunable weights kept | 11,678,912 | 3,502,506 |
| Density without unused head rows | | not measured |
| Top-1 without the prompt over seeds, mean ± standard deviation | | not measured |
| MACs for one picture; pruned: those with a non-zero weight | not measured | not measured |
| Latency | not measured | not measured |
| Size of the weights on disk | not measured | not measured |
"""

RUN = RunResult(
    method="vpns",
    granularity="weight",
    seed=7,
    sparsity_requested=0.7,
    sparsity=0.7001,
    accuracy=ViewAccuracy(0.9528, 0.9417),
    top5=ViewAccuracy(0.9931, 0.9861),
    split="test",
    nonzero=3502506,
    total=11678912,
    seconds={"find_mask": 12.5},
    path="sparsity-70",
    validation=ViewAccuracy(0.9611, 0.95),
    prompt_at_inference=True,
    effective_density=0.2912,
    epoch=2,
    cost=CostRecord(
        macs=1_814_073_344,
        macs_nonzero=544_222_003,
        dense_bytes=46_827_520,
        milliseconds=30.711,
        dense_milliseconds=30.49,
        batch_size=1,
        device="CPU, 2 threads",
        dtype="float32",
    ),
)


@pytest.fixture
def data() -> VPNsModelCardData:
    results = Results(
        dense=DenseResult(0.9556, 0.998, "test"),
        runs=[RUN],
        model="org/resnet-18",
        dataset="org/digits",
        protocol="A tenth of train is the validation split.",
        command="accelerate launch scripts/prune.py --sparsities 0.7",
        versions={"torch": "2.13.0", "transformers": "5.23.0"},
    )
    return VPNsModelCardData.from_results(results, RUN, repo_id="org/resnet18-digits-70", license="apache-2.0")


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "sparsity-70"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(bytes(23456))
    return folder


def only_run(data: VPNsModelCardData, **changes) -> VPNsModelCardData:
    return replace(data, run=replace(data.run, **changes))


def test_the_header_says_what_was_measured(data, folder):
    path = write_model_card(folder, data)
    assert path == folder / "README.md"
    _, header, _ = path.read_text().split("---\n", 2)
    assert yaml.safe_load(header) == yaml.safe_load(HEADER)


def test_the_hub_reads_the_header_back(data, folder):
    card = ModelCard.load(write_model_card(folder, data))
    assert card.data.model_name == "resnet18-digits-70"
    assert [result.metric_value for result in card.data.eval_results] == [0.9528, 0.9417, 0.9931, 0.9861]
    assert {result.dataset_split for result in card.data.eval_results} == {"test"}


def test_the_table(data, folder):
    assert f"\n\n{TABLE}\n" in write_model_card(folder, data).read_text()


def test_the_result_in_one_line(data, folder):
    assert (
        "**70.01% of 11,678,912 prunable weights removed. Top-1 accuracy on the test split of `org/digits`: "
        "95.28% with the prompt, 94.17% without; dense model: 95.56%.**\n"
    ) in write_model_card(folder, data).read_text()


def test_every_number_in_percent_is_one_of_the_results(data, folder):
    text = write_model_card(folder, data).read_text()
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    written = set(re.findall(r"\b\d+(?:\.\d+)?%", prose))
    assert written == {
        *("70%", "70.01%", "95.28%", "94.17%", "99.31%", "98.61%"),
        *("95.56%", "99.80%", "29.12%", "96.11%", "95.00%"),
    }


def test_a_number_that_was_not_measured_is_said_to_be_so(tmp_path):
    run = replace(RUN, accuracy=ViewAccuracy(None, 0.9417), top5=ViewAccuracy(), effective_density=None)
    run = replace(run, prompt_at_inference=False, validation=None, cost=CostRecord())
    text = write_model_card(tmp_path, VPNsModelCardData(run=run)).read_text()
    assert UNMEASURED_TABLE in text
    assert "No validation split chose the epoch or the default view." in text
    assert "The command was not recorded." in text
    assert "The versions were not recorded." in text
    assert [result.metric_value for result in ModelCard(text).data.eval_results] == [0.9417]


def test_a_card_without_any_accuracy_has_no_model_index(tmp_path):
    run = replace(RUN, accuracy=ViewAccuracy(), top5=ViewAccuracy())
    card = ModelCard.load(write_model_card(tmp_path, VPNsModelCardData(run=run)))
    assert card.data.eval_results is None
    assert "model-index" not in card.content


def test_the_view_the_model_uses_comes_first(data, folder):
    card = ModelCard.load(write_model_card(folder, only_run(data, prompt_at_inference=False)))
    names = [result.metric_name for result in card.data.eval_results]
    assert names[:2] == ["Accuracy without the prompt", "Accuracy with the prompt"]
    assert "By default the saved model is applied without the prompt;" in card.text


def test_the_card_says_which_split_chose_and_which_measured(data, folder):
    text = write_model_card(folder, data).read_text()
    assert (
        "- Epoch 2 of the last stage and the default view were chosen on the validation split (96.11% with the prompt, "
        "95.00% without). The accuracies in the table were measured on the test split.\n"
    ) in text
    assert "A tenth of train" not in text


def test_without_a_validation_split_the_card_gives_the_protocol(folder):
    run = replace(RUN, validation=None)
    results = Results(DenseResult(), [run], protocol="The last epoch was kept.")
    text = write_model_card(folder, VPNsModelCardData.from_results(results, run)).read_text()
    assert "- No validation split chose the epoch or the default view." in text
    assert "- The last epoch was kept.\n" in text


def test_the_card_warns_of_speed(data, folder):
    text = write_model_card(folder, data).read_text()
    assert "Unstructured sparsity gives no speed-up on common hardware" in text


def test_local_names_show_no_folders_and_are_no_hub_ids(data, folder, tmp_path):
    local = replace(data, base_model=str(tmp_path / "models" / "my-resnet"), dataset="../private/digits")
    local = replace(local, command=f"{tmp_path}/bin/python scripts/prune.py --dataset_name ../private/digits")
    card = ModelCard.load(write_model_card(folder, local))
    assert card.data.base_model is None
    assert card.data.datasets is None
    assert card.data.eval_results[0].dataset_name == "digits"
    assert "pruned from `my-resnet`" in card.text
    assert "\npython scripts/prune.py --dataset_name digits\n" in card.text
    assert str(tmp_path) not in card.content
    assert "private" not in card.content


def test_short_names_stand_for_what_the_hub_has(data, folder):
    card = ModelCard.load(write_model_card(folder, replace(data, base_model="resnet18", dataset="cifar100")))
    assert (card.data.base_model, card.data.base_model_relation) == ("timm/resnet18.tv_in1k", "finetune")
    assert card.data.datasets == "uoft-cs/cifar100"
    assert {result.dataset_type for result in card.data.eval_results} == {"uoft-cs/cifar100"}
    assert "pruned from `timm/resnet18.tv_in1k`" in card.text
    untrained = ModelCard.load(write_model_card(folder, replace(data, base_model="resnet-small", dataset="digits")))
    assert (untrained.data.base_model, untrained.data.datasets) == (None, None)
    assert "pruned from `resnet-small`" in untrained.text


def test_a_folder_that_looks_like_a_hub_id_is_a_folder(data, folder, tmp_path, monkeypatch):
    (tmp_path / "models" / "resnet").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    card = ModelCard.load(write_model_card(folder, replace(data, base_model="models/resnet")))
    assert card.data.base_model is None
    assert "pruned from `resnet`" in card.text


def test_the_snippet_loads_the_repository_or_the_folder(data, folder):
    for repo_id, name in (("org/resnet18-digits-70", "org/resnet18-digits-70"), (None, "sparsity-70")):
        text = write_model_card(folder, replace(data, repo_id=repo_id)).read_text()
        (snippet,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
        calls = [node for node in ast.walk(ast.parse(snippet)) if isinstance(node, ast.Constant)]
        assert sum(call.value == name for call in calls) == 2
        assert snippet.count("trust_remote_code=True") == 2


def test_a_pruned_model_without_a_prompt_has_no_word_of_one(data, folder):
    card = write_model_card(folder, only_run(data, method="omp", accuracy=ViewAccuracy(None, 0.9))).read_text()
    assert "A visual prompt" not in card
    assert "with the method `omp`" in card


def test_mean_and_spread_over_seeds(data, folder):
    """92, 94 and 96% with the prompt: mean 94, sample standard deviation 2; other sparsities do not count."""
    runs = [
        replace(RUN, seed=seed, accuracy=ViewAccuracy(value, 0.5))
        for seed, value in ((7, 0.92), (9, 0.94), (17, 0.96))
    ]
    results = Results(
        DenseResult(), [*runs, replace(RUN, seed=9, sparsity_requested=0.9, accuracy=ViewAccuracy(0.1, 0.1))]
    )
    text = write_model_card(folder, VPNsModelCardData.from_results(results, runs[0])).read_text()
    assert "| Top-1 with the prompt over seeds, mean ± standard deviation | | 94.00% ± 2.00%, 3 seeds |\n" in text


def test_pictures_and_recipe_are_linked_where_they_are(data, folder):
    assert "![" not in write_model_card(folder, data).read_text()
    (folder / "plots").mkdir()
    (folder / "plots/prompt.png").write_bytes(b"")
    (folder / "recipe.yaml").write_text("seed: 7\n")
    text = write_model_card(folder, data).read_text()
    assert "\n\n![What the prompt adds to a picture](plots/prompt.png)\n\n## How it was made\n" in text
    assert "All settings: [recipe.yaml](recipe.yaml), to be given to `--config`.\n" in text
    assert "density_by_layer" not in text


def test_the_sizes_of_shards_add_up(data, folder):
    (folder / "model-2.safetensors").write_bytes(bytes(10**6))
    assert "| 46.83 MB | 1.02 MB |" in write_model_card(folder, data).read_text()


def test_a_new_card_replaces_the_old_one(data, folder):
    write_model_card(folder, data)
    text = write_model_card(folder, only_run(data, seed=9)).read_text()
    assert "seed 9." in text
    assert "seed 7." not in text
