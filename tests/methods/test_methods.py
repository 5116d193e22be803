from __future__ import annotations

import pytest

from vpns_hf import VPNsTrainingArguments
from vpns_hf.label_mapping import LABEL_MAPPINGS
from vpns_hf.methods import METHODS, Task
from vpns_hf.methods.stages import FindMaskStage, FineTuneStage, FitLabelMapping
from vpns_hf.training import AdamSpec, SGDSpec, Stage

NUMBERS = {
    "find_mask_epochs": 3,
    "finetune_epochs": 4,
    "score_learning_rate": 0.1,
    "prompt_learning_rate": 0.2,
    "learning_rate": 0.3,
    "prompt_finetune_learning_rate": 0.4,
    "momentum": 0.5,
    "weight_decay": 0.6,
    "mapping_interval": 7,
    "seed": 8,
}
ADAM, SGD = AdamSpec(0.1, 0.2, 0.6), SGDSpec(0.3, 0.4, 0.5, 0.6)


def arguments(method: str, **changes: object) -> VPNsTrainingArguments:
    sparsities = [0.0] if method == "dense" else [0.7]
    return VPNsTrainingArguments(method=method, sparsities=sparsities, **{**NUMBERS, **changes})


def stages(method: str, sparsity: float = 0.7, **changes: object) -> list[Stage]:
    task = Task(0.0 if method == "dense" else sparsity, images=500, classes=10)
    return METHODS[method].stages(arguments(method, **changes), task)


def test_vpns_fits_the_mapping_finds_the_mask_and_fine_tunes():
    fit, find, measure, finetune = stages("vpns")
    assert [type(stage) for stage in (fit, find, finetune)] == [FitLabelMapping, FindMaskStage, FineTuneStage]
    assert (measure.name, measure.moment) == ("measure", "masked")
    assert (find.epochs, find.optimizer, find.mapping_interval) == (3, ADAM, 7)
    assert (finetune.epochs, finetune.optimizer) == (4, SGD)
    assert fit.label_mapping is find.label_mapping


def test_dense_fits_the_mapping_and_fine_tunes():
    fit, finetune = stages("dense")
    assert [type(stage) for stage in (fit, finetune)] == [FitLabelMapping, FineTuneStage]
    assert (finetune.epochs, finetune.optimizer) == (4, SGD)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", LABEL_MAPPINGS)
def test_the_mapping_is_the_one_asked_for_with_the_seed_of_the_run(method, name):
    mapping = stages(method, label_mapping=name)[0].label_mapping
    assert type(mapping) is LABEL_MAPPINGS[name]
    assert mapping.seed == 8


@pytest.mark.parametrize("method", METHODS)
def test_every_call_makes_new_stages(method):
    first, second = stages(method), stages(method)
    assert not any(one is other for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_ends_with_the_same_fine_tuning(method):
    last = stages(method)[-1]
    assert type(last) is FineTuneStage
    assert (last.epochs, last.optimizer) == (4, SGD)
    assert [(update.view, update.prompted) for update in last.updates] == [("prompted", True), ("plain", False)]
