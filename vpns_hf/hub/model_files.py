"""What a run writes into the folder of a model."""

from __future__ import annotations

MODEL_FILES = (
    "config.json",
    "preprocessor_config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "*.py",
    "README.md",
    "recipe.yaml",
    "plots/*.png",
)
