"""Which source class of the backbone each target class is read from."""

from .base import LabelMapping
from .frequency import FrequencyMapping, IterativeMapping, frequency_map
from .identity import IdentityMapping
from .random import RandomMapping

LABEL_MAPPINGS: dict[str, type[LabelMapping]] = {
    "frequency": FrequencyMapping,
    "iterative": IterativeMapping,
    "random": RandomMapping,
    "identity": IdentityMapping,
}

__all__ = [
    "LABEL_MAPPINGS",
    "FrequencyMapping",
    "IdentityMapping",
    "IterativeMapping",
    "LabelMapping",
    "RandomMapping",
    "frequency_map",
]
