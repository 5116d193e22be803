"""A name, a folder or a Hub id becomes rows of images and labels; and what is said where it cannot."""

from __future__ import annotations

from ...utils.doors import door

__all__, __getattr__ = door(
    __name__,
    {
        "columns": ["Columns", "check_columns", "find_columns", "image_files", "read_column"],
        "diagnosis": ["reason_of"],
        "hub_check": ["DatasetCheck", "OK", "UNREACHABLE", "check_dataset", "check_datasets"],
        "labels": ["check_class_count", "class_names", "difference", "encode_labels", "is_unlabelled", "label_values"],
        "repeated_files": ["check_no_file_twice", "check_no_image_twice"],
        "loading": ["check_dataset_is_there", "load_image_dataset", "parquet_files", "stream_image_dataset"],
    },
)
