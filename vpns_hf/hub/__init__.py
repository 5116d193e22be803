"""Pruned models on the Hub: their names, their folders, finding and fetching them; `cards` and `publish` beside it."""

from __future__ import annotations

from .fetching import FetchedModel, fetch_model
from .listing import PublishedModel, Wanted, models_in_folder, models_on_hub, models_table
from .naming import architecture_name, check_repo_id, dataset_name, field_values, fill_pattern
from .run_folder import MODEL_FILES, SavedModel, find_models

__all__ = [
    "MODEL_FILES",
    "FetchedModel",
    "PublishedModel",
    "SavedModel",
    "Wanted",
    "architecture_name",
    "check_repo_id",
    "dataset_name",
    "fetch_model",
    "field_values",
    "fill_pattern",
    "find_models",
    "models_in_folder",
    "models_on_hub",
    "models_table",
]
