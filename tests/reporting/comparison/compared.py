"""Runs to be compared, made of numbers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tests.results import run_result
from vpns_hf.reporting import CostRecord, DenseResult, LayerRecord, Passes
from vpns_hf.reporting.comparison import ComparedRun

NAMES = {"model_name_or_path": "net", "dataset_name": "data"}


def compared(
    method: str,
    accuracy: float,
    seed: int = 7,
    sparsity: float = 0.9,
    passes: float | None = 60,
    options: Mapping[str, Any] | None = None,
    kept: Sequence[int] = (),
    cost: CostRecord | None = None,
    recorded: Mapping[str, Any] | None = None,
    **fields: Any,
) -> ComparedRun:
    """A run of that accuracy without a prompt, on 100 test images.

    Args:
        passes: over the training images; None if not recorded.
        options: beside the names of model and data.
        kept: weights of each layer, of 10.
        cost: of the model.
        recorded: other fields of its result.
        fields: others of a `ComparedRun`.
    """
    result = run_result(
        sparsity,
        accuracy,
        method=method,
        seed=seed,
        passes=None if passes is None else Passes(tuning=passes),
        layers=[LayerRecord(f"net.{place}", (10,), number) for place, number in enumerate(kept)],
        cost=cost or CostRecord(),
        **(recorded or {}),
    )
    given = {"images": 100, "data": {"test images": "100 (a)"}, "dense": asdict(DenseResult(0.9, passes=60)), **fields}
    return ComparedRun(
        folder=Path("jobs") / f"{method}-{seed}",
        axes={"method": method, "seed": str(seed)},
        entry=asdict(result),
        correct=given.pop("correct", None),
        options={**NAMES, "seed": seed, **(options or {})},
        **given,
    )


def over_seeds(method: str, accuracies: Mapping[int, float], **fields: Any) -> list[ComparedRun]:
    """The same run with several seeds."""
    return [compared(method, accuracy, seed, **fields) for seed, accuracy in accuracies.items()]


def rightly(images: int, *wrong: int) -> np.ndarray:
    """Which of so many images are classified rightly: all but these."""
    return ~np.isin(np.arange(images), wrong)
