"""A method is a short list of stages. Adding one: a file with a function, and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

from ..training import Stage
from .dense import dense_stages
from .hydra import HydraOptions, hydra_stages
from .imp import ImpOptions, imp_stages, rounds_to
from .omp import omp_stages
from .options import FindMaskOptions, RoundOptions, ScopeOptions, ScoringOptions, StageOptions, Task
from .random import RandomOptions, random_stages
from .snip import snip_stages
from .vpns import vpns_stages


@dataclass
class MethodOptions(ImpOptions, HydraOptions, RandomOptions, StageOptions):
    """What a method may choose from, the options of single methods included."""


@dataclass(frozen=True)
class Method:
    """A way to find a mask and to tune what is left.

    Attributes:
        stages: in order, as the options say, for one task.
        options: the dataclasses of options it uses, beside those that every method does.
    """

    stages: Callable[[MethodOptions, Task], list[Stage]]
    options: tuple[type, ...] = ()


METHODS: dict[str, Method] = {
    "vpns": Method(vpns_stages, (ScopeOptions, FindMaskOptions)),
    "dense": Method(dense_stages),
    "random": Method(random_stages, (ScopeOptions, RandomOptions)),
    "omp": Method(omp_stages, (ScopeOptions,)),
    "snip": Method(snip_stages, (ScopeOptions, ScoringOptions)),
    "imp": Method(imp_stages, (ScopeOptions, RoundOptions, ImpOptions)),
    "hydra": Method(hydra_stages, (ScopeOptions, FindMaskOptions, HydraOptions)),
}


def unused_options(method: str, options: MethodOptions) -> list[str]:
    """Returns the names of options that some methods use and this one does not: they have no part in its results."""
    own = {name for kind in METHODS[method].options for name in kind.__annotations__}
    if options.equal_passes == "auto":
        own |= {"find_mask_epochs", "finetune_epochs"}
    some = {name for entry in METHODS.values() for kind in entry.options for name in kind.__annotations__}
    return [entry.name for entry in fields(options) if entry.name in some - own]


__all__ = ["METHODS", "Method", "MethodOptions", "Task", "dense_stages", "rounds_to", "unused_options"]
