"""From a checkpoint of the method's released code to a model of this package."""

from __future__ import annotations

from ..utils.doors import door

# Converting needs `datasets`, which the help of the command does not.
__all__, __getattr__ = door(
    __name__,
    {
        "checkpoint": ["OriginalCheckpoint"],
        "class_names": ["dataset_class_names", "read_class_names"],
        "convert": ["Conversion", "convert_checkpoint"],
        "masks": ["ReleasedMasks"],
        "network": ["NETWORKS", "OriginalNetwork"],
        "prompts": ["PromptFacts", "find_prompt"],
        "settings": ["RecordedSettings"],
    },
)
