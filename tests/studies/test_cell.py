from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.studies.studying import cell, cells
from vpns_hf.cli.parsing import parse_arguments
from vpns_hf.studies import content_of

CHANGES = [
    {},
    {"method": "omp"},
    {"seed": 8},
    {"sparsities": [0.955]},
    {"sparsities": [0.9]},
    {"finetune_epochs": 3},
    {"visual_prompt": "none"},
    {"dataset_name": "cifar10"},
    {"train_batch_size": 32},
    {"granularity": "2:4"},
    {"granularity": "channel"},
    {"granularity": "channel", "scope": "global"},
    {"exclude": ["conv1", "*shortcut*"]},
    {"threads": 2},
]


def test_what_has_a_part_in_the_results_makes_another_cell():
    names = [cell(**changes).name for changes in CHANGES]
    assert len(set(names)) == len(names)
    assert names == [cell(**changes).name for changes in CHANGES]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"cache_dir": "/elsewhere", "use_cpu": True, "save_total_limit": 5}),
        ({}, {"scope": "global", "sparsities": [0.7]}),
        ({}, {"train_batch_size": 256}),
        ({"method": "omp"}, {"method": "omp", "rounds": 3, "score_learning_rate": 0.5}),
        ({"method": "dense"}, {"method": "dense", "scope": "layer", "sparsities": [0.9]}),
    ],
    ids=["machine", "default", "of the data set", "not used", "dense"],
)
def test_what_has_none_does_not(one, other):
    assert cell(**one).name == cell(**other).name
    assert cell(**one).identity == cell(**other).identity


def test_data_are_known_by_their_files(tmp_path):
    for name in ("here", "there"):
        (tmp_path / name / "cat").mkdir(parents=True)
        (tmp_path / name / "cat" / "1.jpg").write_bytes(b"a cat")
    before = [cell(dataset_name=str(tmp_path / name)).name for name in ("here", "there")]
    assert before[0] == before[1]
    (tmp_path / "here" / ".cache").write_bytes(b"no image")
    assert cell(dataset_name=str(tmp_path / "here")).name == before[0]
    (tmp_path / "here" / "cat" / "1.jpg").write_bytes(b"a dog")
    assert cell(dataset_name=str(tmp_path / "here")).name != before[0]
    (tmp_path / "there" / "cat" / "2.jpg").write_bytes(b"")
    assert cell(dataset_name=str(tmp_path / "there")).name != before[0]


def test_a_name_that_is_no_path_stands_for_itself():
    assert [content_of(name) for name in ("uoft-cs/cifar10", "digits", None)] == ["uoft-cs/cifar10", "digits", None]


@pytest.mark.parametrize("changes", [change for change in CHANGES if "threads" not in change], ids=str)
def test_the_command_of_a_cell_asks_for_it(changes):
    asked = cell(**changes)
    inputs, args = parse_arguments(asked.arguments(Path("out"), Path("shared")))
    assert inputs == asked.inputs
    assert args == replace(asked.args, output_dir="out", shared_dir="shared", disable_tqdm=True)


def test_the_axes_say_what_varies_and_has_an_effect():
    found = cells(method=["vpns", "dense"], sparsities=[[0.5], [0.9]], scope=["global", "layer"], momentum=[0.5])
    assert [each.axes for each in found] == [
        {"method": "vpns", "sparsity": "0.5", "scope": "global"},
        {"method": "vpns", "sparsity": "0.5", "scope": "layer"},
        {"method": "vpns", "sparsity": "0.9", "scope": "global"},
        {"method": "vpns", "sparsity": "0.9", "scope": "layer"},
        {"method": "dense", "sparsity": "0"},
    ]
    assert found[1].in_words == "vpns at 50%, scope layer, seed 7"
