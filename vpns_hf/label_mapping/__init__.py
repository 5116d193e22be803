"""Which source class of the backbone each target class is read from."""

from .base import LabelMapping
from .frequency import FrequencyMapping, IterativeMapping, frequency_map
from .identity import IdentityMapping
from .name import AutoMapping, NameMapping, TrainedMapping
from .names import are_unnamed
from .random import RandomMapping

LABEL_MAPPINGS: dict[str, type[LabelMapping]] = {
    "auto": AutoMapping,
    "name": NameMapping,
    "frequency": FrequencyMapping,
    "iterative": IterativeMapping,
    "random": RandomMapping,
    "identity": IdentityMapping,
}

__all__ = [
    "LABEL_MAPPINGS",
    "AutoMapping",
    "FrequencyMapping",
    "IdentityMapping",
    "IterativeMapping",
    "LabelMapping",
    "NameMapping",
    "RandomMapping",
    "TrainedMapping",
    "are_unnamed",
    "frequency_map",
]
