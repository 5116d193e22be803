"""What stages cost, and what the dense model that a run is compared with may cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..reporting import Passes
from ..training import Stage
from .options import FineTuneOptions
from .stages import FineTuneStage

AN_EPOCH = len(FineTuneStage.updates)


def as_many(options: FineTuneOptions, passes: float) -> float:
    """Returns those of the run, or of every method where these are asked for."""
    return passes if options.total_passes is None else options.total_passes // AN_EPOCH * AN_EPOCH


def those_of_tuning(options: FineTuneOptions, passes: float) -> float:
    """Returns those of fine-tuning alone, whatever the search of the run took."""
    return AN_EPOCH * options.finetune_epochs


# By name: the passes of the dense reference, from the options and the passes of the run it stands beside.
DENSE_PASSES: dict[str, Callable[[FineTuneOptions, float], float]] = {"equal": as_many, "finetune": those_of_tuning}


def passes_of(stages: Sequence[Stage]) -> Passes:
    """Returns how often the stages go through the training images."""
    totals = {"search": 0.0, "rounds": 0.0, "tuning": 0.0}
    for stage in stages:
        totals[stage.counts_as] += stage.passes
    return Passes(**totals)
