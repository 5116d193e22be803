"""Options in which runs differ, beside what is compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .compared_run import ComparedRun

WITHIN_A_LINE = ("seed", "seeds", "sparsity", "sparsities")
SETTING = ("model_name_or_path", "dataset_name")
WITHOUT_EFFECT = ("dense_reference",)  # on the pruned model


def option_differences(runs: Sequence[ComparedRun]) -> dict[str, list[Any]]:
    """Returns {option: its values, each once} of those in which runs differ, but for method, seed, sparsity and the names of model and data.

    An option that a run of another method does not have belongs to the methods that have it.
    """
    told_otherwise = (*SETTING, *WITHIN_A_LINE, *WITHOUT_EFFECT, "method")
    names = dict.fromkeys(name for run in runs for name in run.options if name not in told_otherwise)
    values = {name: _values(name, runs) for name in names}
    return {name: found for name, found in values.items() if len(found) > 1}


def _values(name: str, runs: Sequence[ComparedRun]) -> list[Any]:
    """Returns the values of an option; None stands for one that some run of a method has and another has not."""
    having = {run.result.method for run in runs if name in run.options}
    found: list[Any] = []
    for run in runs:
        value = run.options.get(name)
        if (name in run.options or run.result.method in having) and value not in found:
            found.append(value)
    return found


def shown(value: Any) -> str:
    """Returns the value of an option in words."""
    return "not given" if value is None else str(value)
