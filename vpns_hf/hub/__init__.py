"""Pruned models on the Hub: their names, their folders, finding and fetching them; `cards` and `publish` beside it."""

from __future__ import annotations

from .examples import EXAMPLES, Examples, example_files, example_rows, label_of
from .fetching import FetchedModel, fetch_model
from .listing import PublishedModel, Wanted, models_in_folder, models_on_hub, models_table
from .naming import architecture_name, check_repo_id, dataset_name, field_values, fill_pattern
from .run_folder import DENSE_FOLDER, MODEL_FILES, SavedModel, find_models

__all__ = [
    "DENSE_FOLDER",
    "EXAMPLES",
    "MODEL_FILES",
    "Examples",
    "FetchedModel",
    "PublishedModel",
    "SavedModel",
    "Wanted",
    "architecture_name",
    "check_repo_id",
    "dataset_name",
    "example_files",
    "example_rows",
    "fetch_model",
    "field_values",
    "fill_pattern",
    "find_models",
    "label_of",
    "models_in_folder",
    "models_on_hub",
    "models_table",
]
