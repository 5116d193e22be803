from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest

from tests.helpers import refusal
from vpns_hf import InputError, VPNsTrainingArguments
from vpns_hf.data import find_spec
from vpns_hf.jobs import InputArguments

PAPER = {
    "sparsities": [0.7],
    "visual_prompt": "pad",
    "prompt_size": 16,
    "image_size": 224,
    "label_mapping": "auto",
    "find_mask_epochs": 30,
    "finetune_epochs": 30,
    "score_learning_rate": 1e-4,
    "prompt_learning_rate": 1e-4,
    "learning_rate": 0.01,
    "prompt_finetune_learning_rate": 0.01,
    "momentum": 0.9,
    "weight_decay": 1e-4,
    "seed": 7,
}


def test_the_defaults_are_the_papers():
    args = VPNsTrainingArguments()
    assert {name: getattr(args, name) for name in PAPER} == PAPER


@pytest.mark.parametrize(
    ("name", "size"), [(None, 256), ("someone/pictures", 256), ("dtd", 64), ("mcimpoi/dtd_split_1", 64)]
)
def test_the_data_set_says_the_batch_size_unless_it_is_given(name, size):
    spec = find_spec(name)
    assert VPNsTrainingArguments().for_dataset(spec) == VPNsTrainingArguments(train_batch_size=size)
    assert VPNsTrainingArguments(train_batch_size=32).for_dataset(spec).train_batch_size == 32


def test_two_sets_of_arguments_share_nothing():
    VPNsTrainingArguments().sparsities.append(0.9)
    assert VPNsTrainingArguments().sparsities == [0.7]


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("method", ("vpns", "dense")),
        ("visual_prompt", ("pad", "fix", "random", "expand", "none")),
        ("label_mapping", ("auto", "name", "frequency", "iterative", "random", "identity")),
        ("granularity", ("weight", "kernel", "N:M")),
        ("head", ("mapped", "new")),
        ("mixed_precision", ("no", "fp16", "bf16")),
    ],
)
def test_an_unknown_name_lists_the_known_ones(name, allowed):
    message = refusal(VPNsTrainingArguments, **{name: "unheard-of"})
    assert message.startswith(f"{name} is 'unheard-of'")
    assert all(choice in message for choice in allowed)


@pytest.mark.parametrize("sparsity", [1, 1.0, 1.5, -0.1, math.nan, math.inf])
def test_a_sparsity_is_a_fraction_below_one(sparsity):
    message = refusal(VPNsTrainingArguments, sparsities=[0.5, sparsity])
    assert str(sparsity) in message
    assert "[0, 1)" in message


@pytest.mark.parametrize("sparsities", [[0.5, "half"], [True], 0.5, "0.5", {0.5: 1}])
def test_sparsities_are_a_list_of_numbers(sparsities):
    assert (
        refusal(VPNsTrainingArguments, sparsities=sparsities)
        == f"sparsities is {sparsities!r}; allowed: a list of numbers or None"
    )


@pytest.mark.parametrize("sparsity", [0, 0.0, 0.5, 0.999])
def test_a_sparsity_that_is_allowed(sparsity):
    assert VPNsTrainingArguments(sparsities=[sparsity]).sparsities == [sparsity]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("find_mask_epochs", -1),
        ("finetune_epochs", -1),
        ("pretrain_epochs", -1),
        ("prompt_size", -1),
        ("image_size", 0),
        ("image_size", 100_000),
        ("output_size", 0),
        ("timeout", 10**14),
        ("shuffle_buffer_size", 10**20),
        ("train_batch_size", 1),
        ("per_device_train_batch_size", 1),
        ("per_device_eval_batch_size", 0),
        ("mapping_interval", 0),
        ("max_train_samples", 0),
        ("max_eval_samples", 0),
        ("max_test_samples", -5),
        ("learning_rate", -0.1),
        ("learning_rate", math.inf),
        ("score_learning_rate", math.nan),
        ("prompt_learning_rate", -1.0),
        ("prompt_finetune_learning_rate", -1.0),
        ("pretrain_learning_rate", -1.0),
        ("momentum", -0.5),
        ("momentum", 1.0),
        ("momentum", math.nan),
        ("weight_decay", math.inf),
        ("weight_decay", -1e-4),
        ("validation_fraction", 0.0),
        ("validation_fraction", 1.0),
        ("seed", -1),
        ("seed", 2**32),
    ],
)
def test_a_number_out_of_range_is_named(name, value):
    message = refusal(VPNsTrainingArguments, **{name: value})
    assert message.startswith(f"{name} is {value}")


def test_paths_numpy_numbers_and_tuples_are_taken_as_what_they_stand_for():
    given = {
        "output_dir": Path("some") / "folder",
        "cache_dir": Path("cache"),
        "sparsities": (0.5, np.float32(0.7), np.float64(0.57)),
        "seed": np.int64(3),
        "learning_rate": np.float32(0.1),
        "horizontal_flip": np.bool_(False),
    }
    args = VPNsTrainingArguments(**given)
    taken = {name: getattr(args, name) for name in given}
    assert taken == {
        "output_dir": str(Path("some") / "folder"),
        "cache_dir": "cache",
        "sparsities": [0.5, 0.7, 0.57],
        "seed": 3,
        "learning_rate": 0.1,
        "horizontal_flip": False,
    }
    assert {type(value) for value in (*taken.values(), *taken["sparsities"])} == {str, list, int, float, bool}


@pytest.mark.parametrize("value", [np.float64(3.0), np.bool_(True), "3"])
def test_what_stands_for_another_type_is_refused(value):
    assert refusal(VPNsTrainingArguments, seed=value).endswith("allowed: int")


def test_sparsities_are_given_once_each():
    assert "0.4" in refusal(VPNsTrainingArguments, sparsities=[0.4, 0.7, 0.4])
    assert "empty" in refusal(VPNsTrainingArguments, sparsities=[])


@pytest.mark.parametrize("changes", [{}, {"label_mapping": "identity"}, {"pretrain_epochs": 3}])
def test_a_new_head_is_trained_first_class_by_class(changes):
    assert "--pretrain_epochs" in refusal(VPNsTrainingArguments, head="new", **changes)
    VPNsTrainingArguments(head="new", label_mapping="identity", pretrain_epochs=1)


def test_the_dense_method_removes_nothing():
    assert "--sparsities 0" in refusal(VPNsTrainingArguments, method="dense", sparsities=[0.5])
    assert VPNsTrainingArguments(method="dense", sparsities=[0.0]).method == "dense"


def test_an_output_size_needs_a_prompt():
    assert "output_size" in refusal(VPNsTrainingArguments, visual_prompt="none", output_size=224)


def test_every_number_that_a_job_takes_has_a_range():
    numbers = (int, int | None, float, float | None)
    types = get_type_hints(VPNsTrainingArguments)
    declared = {entry.name for entry in fields(VPNsTrainingArguments) if entry.metadata["range"] is not None}
    assert {name for name, kind in types.items() if kind in numbers} == declared


def test_every_option_says_what_it_does():
    assert all(entry.metadata["help"] for kind in (InputArguments, VPNsTrainingArguments) for entry in fields(kind))


@pytest.mark.parametrize(
    ("given", "trackers"),
    [
        ({}, None),
        ({"with_tracking": True}, "all"),
        ({"report_to": "tensorboard"}, "tensorboard"),
        ({"report_to": "all"}, "all"),
        ({"with_tracking": True, "report_to": "wandb"}, "wandb"),
        ({"with_tracking": True, "report_to": "none"}, None),
    ],
)
def test_a_tracker_that_is_named_is_reported_to(given, trackers):
    assert VPNsTrainingArguments(**given).trackers == trackers


@pytest.mark.parametrize(
    ("granularity", "sparsities"),
    [("weight", [0.7]), ("kernel", [0.7]), ("2:4", [0.5]), ("1:4", [0.75]), ("3:4", [0.25])],
)
def test_the_sparsity_where_none_is_given(granularity, sparsities):
    args = VPNsTrainingArguments(granularity=granularity)
    assert args.sparsities == sparsities
    assert VPNsTrainingArguments(granularity=granularity, sparsities=sparsities) == args


def test_a_pattern_has_one_sparsity():
    message = r"^sparsities is \[0\.7\], but granularity 2:4 is 0\.5; leave out --sparsities$"
    with pytest.raises(InputError, match=message):
        VPNsTrainingArguments(granularity="2:4", sparsities=[0.7])
