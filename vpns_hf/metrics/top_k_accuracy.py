"""Top-k accuracy as an `evaluate.Metric`: the fraction of images whose class is among the k best guesses."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar

import datasets
import numpy as np

from .library import evaluate

_DESCRIPTION = "Fraction of images whose class is among the k classes the model ranks highest."
_INPUTS = """
Args:
    predictions: class indices, best first, shape (N, k) or wider; top-1 also takes shape (N,).
        With fewer than k classes give all of them, best first: the metric then counts min(k, classes) guesses.
    references: class indices, shape (N,).
Returns:
    {name of the metric: float in [0, 1]}
"""


class TopKAccuracy(evaluate.Metric):
    """Base of the top-k accuracies; a subclass sets `k` and the `key` of its result.

    Predictions stay in memory, so nothing is written to a cache that processes share. Feed it predictions gathered
    over the processes: every process then computes the same number.

    Raises:
        ValueError: the first batch is empty, or their number differs from that of the references.
    """

    k: ClassVar[int]
    key: ClassVar[str]

    def __init__(self, keep_in_memory: bool = True, **kwargs: Any) -> None:
        super().__init__(keep_in_memory=keep_in_memory, **kwargs)

    def _build_data_dir(self) -> str:
        # The base class makes a cache folder even when nothing is cached, which fails on a read-only home.
        if self.keep_in_memory:
            return os.path.join(self._data_dir_root, self.name, self.config_name)
        return super()._build_data_dir()

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=_DESCRIPTION, citation="", inputs_description=_INPUTS, features=self._input_features()
        )

    def _input_features(self) -> datasets.Features | list[datasets.Features]:
        return _ranked_features()

    def _infer_feature_from_batch(self, batch: dict[str, Any]) -> datasets.Features:
        if len(batch["references"]) == 0:
            raise ValueError(f"{self.key} of no predictions is undefined: give at least one prediction and reference.")
        return super()._infer_feature_from_batch(batch)

    def _compute(self, *, predictions: Sequence[Any], references: Sequence[int]) -> dict[str, float]:
        classes = np.asarray(references)
        ranked = np.asarray(predictions).reshape(len(classes), -1)[:, : self.k]
        hits = int((ranked == classes[:, None]).any(axis=1).sum())
        return {self.key: hits / len(classes)}


class Top1Accuracy(TopKAccuracy):
    """Fraction of images whose class is ranked first: `{"accuracy": float}`.

    Predictions are class indices of shape (N,), or ranked ones of shape (N, k), of which the first column counts.
    """

    k = 1
    key = "accuracy"

    def _input_features(self) -> list[datasets.Features]:
        return [_ranked_features(), _plain_features()]


class Top5Accuracy(TopKAccuracy):
    """Fraction of images whose class is among the five ranked first: `{"top5_accuracy": float}`.

    Predictions are ranked class indices of shape (N, 5), best first; (N, classes) where there are fewer than five classes.
    """

    k = 5
    key = "top5_accuracy"


def _ranked_features() -> datasets.Features:
    ranked = datasets.Sequence(datasets.Value("int64"))
    return datasets.Features({"predictions": ranked, "references": datasets.Value("int64")})


def _plain_features() -> datasets.Features:
    return datasets.Features({"predictions": datasets.Value("int64"), "references": datasets.Value("int64")})
