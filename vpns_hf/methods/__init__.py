"""A method is a short list of stages. Adding one: a file with a function, and a line here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

from ..pruning import Granularity, Pruner
from ..training import Stage
from .bip import BipOptions, bip_stages, unused_by_bip
from .dense import dense_stages, reference_stages
from .foresight import check_stages, foreseen_empty_layers
from .grasp import grasp_stages
from .hydra import HydraOptions, hydra_stages, unused_by_hydra
from .imp import ImpOptions, imp_stages, rounds_to
from .omp import omp_stages
from .options import (
    FindMaskOptions,
    MaskedFitOptions,
    RoundOptions,
    ScheduleOptions,
    ScopeOptions,
    ScoringOptions,
    StageOptions,
    Task,
)
from .parts import ONE_SHOT, label_mapping_of
from .passes import DENSE_PASSES, passes_of
from .phew import phew_stages
from .random import RandomOptions, contents_of_random, random_stages, unused_by_random
from .snip import snip_stages
from .stages import StartFromMask
from .synflow import SCHEDULE, synflow_stages
from .vpns import vpns_stages


@dataclass
class MethodOptions(BipOptions, ImpOptions, HydraOptions, RandomOptions, StageOptions):
    """What a method may choose from, the options of single methods included."""


@dataclass(frozen=True)
class Method:
    """A way to find a mask and to tune what is left.

    Attributes:
        own: its stages in order, as the options say, for one task.
        options: the dataclasses of options it uses, beside those that every method does.
        without: names of those among them that it does not use after all, as the options say.
        contents: {option: digest} of what is read of the files that its own options name.
    """

    own: Callable[[MethodOptions, Task], list[Stage]]
    options: tuple[type, ...] = ()
    without: Callable[[MethodOptions], Collection[str]] = lambda options: ()
    contents: Callable[[MethodOptions], Mapping[str, str]] = lambda options: {}

    def stages(self, options: MethodOptions, task: Task) -> list[Stage]:
        """Returns all stages, that of a mask to start from before those of its own.

        Raises:
            InputError: if that mask has lost more than is to go, or the options do not go together.
        """
        if task.start is None:
            return self.own(options, task)
        task.start.check_sparsity(task.sparsity)
        return [StartFromMask(task.start), *self.own(options, task)]


BY_CRITERION = (MaskedFitOptions, ScopeOptions, ScheduleOptions, RoundOptions)

METHODS: dict[str, Method] = {
    "vpns": Method(vpns_stages, (MaskedFitOptions, ScopeOptions, FindMaskOptions)),
    "dense": Method(dense_stages),
    "random": Method(
        random_stages, (MaskedFitOptions, ScopeOptions, RandomOptions), unused_by_random, contents_of_random
    ),
    "omp": Method(omp_stages, BY_CRITERION, ONE_SHOT.unused),
    "snip": Method(snip_stages, (*BY_CRITERION, ScoringOptions), ONE_SHOT.unused),
    "grasp": Method(grasp_stages, (*BY_CRITERION, ScoringOptions), ONE_SHOT.unused),
    "synflow": Method(synflow_stages, BY_CRITERION, SCHEDULE.unused),
    "phew": Method(phew_stages, (MaskedFitOptions, ScopeOptions)),
    "imp": Method(imp_stages, (MaskedFitOptions, ScopeOptions, RoundOptions, ImpOptions)),
    "hydra": Method(hydra_stages, (MaskedFitOptions, ScopeOptions, FindMaskOptions, HydraOptions), unused_by_hydra),
    "bip": Method(bip_stages, (MaskedFitOptions, ScopeOptions, FindMaskOptions, BipOptions), unused_by_bip),
}


def unused_options(method: str, options: MethodOptions) -> list[str]:
    """Returns the names of options that are used otherwise, and not by this method so: they have no part in its results."""
    chosen = METHODS[method]
    own = _names(chosen.options) - set(chosen.without(options))
    if options.equal_passes == "auto":
        own |= {"find_mask_epochs", "finetune_epochs"}
    if options.paper_protocol:
        own -= {"fit_mapping_on"}  # the paper fits under the mask
    granularity = Granularity.named(options.granularity)
    if granularity.pattern is not None:
        own -= {"scope"}  # each group of weights is ranked by itself
    if not granularity.is_of_channels:
        own -= {"budget", "round_channels_to"}
    if options.distill_alpha:
        own |= {"distill_temperature"}
    some = _names(kind for entry in METHODS.values() for kind in entry.options) | {"distill_temperature"}
    return [entry.name for entry in fields(options) if entry.name in some - own]


def scope_of(stages: Sequence[Stage]) -> str | None:
    """Returns what stages rank together, as it is recorded; None where nothing is pruned."""
    pruner = pruner_in(stages)
    return None if pruner is None else pruner.budget.name


def pruner_in(stages: Sequence[Stage]) -> Pruner | None:
    """Returns what says which units go in stages; None where nothing is pruned."""
    return next((stage.pruner for stage in stages if stage.pruner is not None), None)


def mapping_fits(stages: Sequence[Stage]) -> int:
    """Returns how often stages fit the label mapping."""
    return sum(stage.mapping_fits for stage in stages)


def _names(kinds: Iterable[type]) -> set[str]:
    return {name for kind in kinds for name in kind.__annotations__}


__all__ = [
    "DENSE_PASSES",
    "METHODS",
    "Method",
    "MethodOptions",
    "Task",
    "check_stages",
    "dense_stages",
    "foreseen_empty_layers",
    "label_mapping_of",
    "mapping_fits",
    "passes_of",
    "pruner_in",
    "reference_stages",
    "rounds_to",
    "scope_of",
    "unused_options",
]
