"""What a job writes, and how it is told that it is whole."""

from __future__ import annotations

from .claimed_folder import LOCK, ClaimedFolder
from .digests import (
    counted_digest,
    digest_of_file,
    digest_of_stream,
    digest_of_tensors,
    digests_of_data,
    digests_of_settings,
)
from .job_folder import JobFolder
from .output import (
    MODEL_FOLDER,
    WEIGHTS,
    clear_output_dir,
    dense_folder,
    holds_dense_model,
    image_processor,
    refuse_foreign,
    refuse_results,
    refuse_strange_files,
    save_model,
    writable_output_dir,
)
from .saved_models import SavedModels

__all__ = [
    "LOCK",
    "MODEL_FOLDER",
    "WEIGHTS",
    "ClaimedFolder",
    "JobFolder",
    "SavedModels",
    "clear_output_dir",
    "counted_digest",
    "dense_folder",
    "digest_of_file",
    "digest_of_stream",
    "digest_of_tensors",
    "digests_of_data",
    "digests_of_settings",
    "holds_dense_model",
    "image_processor",
    "refuse_foreign",
    "refuse_results",
    "refuse_strange_files",
    "save_model",
    "writable_output_dir",
]
