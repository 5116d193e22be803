from __future__ import annotations

import os

import evaluate
import numpy as np
import pytest
import torch

from vpns_hf.metrics import METRICS, Top1Accuracy, Top5Accuracy

RANKED = [[3, 0, 1, 2, 4], [5, 4, 3, 2, 1], [0, 1, 2, 3, 4], [2, 1, 0, 5, 3]]
REFERENCES = [3, 1, 5, 1]


BY_HAND = {
    "top 1 counts the first guess": (Top1Accuracy, RANKED, REFERENCES, 0.25),
    "top 1 takes plain class indices": (Top1Accuracy, [0, 1, 2, 3], [0, 1, 1, 3], 0.75),
    "top 5 counts all five guesses": (Top5Accuracy, RANKED, REFERENCES, 0.75),
    "top 5 ignores guesses after the fifth": (Top5Accuracy, [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]], [5, 5], 0.5),
    "top 5 of three classes counts three guesses": (Top5Accuracy, [[2, 0, 1], [1, 2, 0]], [1, 0], 1.0),
}


@pytest.mark.parametrize(("metric", "predictions", "references", "expected"), BY_HAND.values(), ids=BY_HAND)
def test_accuracies_by_hand(metric, predictions, references, expected):
    [found] = metric().compute(predictions=predictions, references=references).values()
    assert found == expected
    assert type(found) is float


@pytest.mark.parametrize("convert", [np.asarray, torch.tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize("name", sorted(METRICS))
def test_arrays_give_what_lists_give(name, convert):
    metric = METRICS[name]()
    from_lists = metric.compute(predictions=RANKED, references=REFERENCES)
    assert metric.compute(predictions=convert(RANKED), references=convert(REFERENCES)) == from_lists


def test_batches_add_up_to_the_whole():
    metric = Top5Accuracy()
    metric.add_batch(predictions=RANKED[:3], references=REFERENCES[:3])
    metric.add_batch(predictions=RANKED[3:], references=REFERENCES[3:])
    assert metric.compute() == {"top5_accuracy": 0.75}


def test_a_metric_starts_anew_after_compute():
    metric = Top1Accuracy()
    metric.compute(predictions=[0, 0], references=[1, 1])
    assert metric.compute(predictions=[0], references=[0]) == {"accuracy": 1.0}


@pytest.mark.parametrize("name", sorted(METRICS))
def test_the_registry_names_the_key_of_the_result(name):
    metric = METRICS[name]()
    assert isinstance(metric, evaluate.Metric)
    assert list(metric.compute(predictions=RANKED, references=REFERENCES)) == [name]


@pytest.mark.parametrize("name", sorted(METRICS))
def test_nothing_is_written_to_the_cache(name, tmp_path):
    metric = METRICS[name](cache_dir=str(tmp_path))
    metric.compute(predictions=RANKED, references=REFERENCES)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", sorted(METRICS))
def test_no_predictions_are_an_error(name):
    with pytest.raises(ValueError, match=f"{name} of no predictions"):
        METRICS[name]().compute(predictions=[], references=[])


def test_different_numbers_of_predictions_and_references_are_an_error():
    with pytest.raises(ValueError, match="Mismatch in the number"):
        Top1Accuracy().compute(predictions=[0, 1], references=[0])
