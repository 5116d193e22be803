"""From a checkpoint of the method's released code to a model of this package."""

from __future__ import annotations

from ..utils.doors import door

# Converting needs `datasets`, which the help of the command does not.
__all__, __getattr__ = door(
    __name__,
    {"convert": ["Conversion", "convert_checkpoint"], "network": ["NETWORKS"], "prompts": ["PromptFacts"]},
)
