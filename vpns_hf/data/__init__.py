"""What comes in: from a name or a folder to batches of pixels on the device."""

from __future__ import annotations

from ..utils.doors import door

# Most of it needs `datasets`, which the help of a command does not.
__all__, __getattr__ = door(
    __name__,
    {
        "batches": [
            "Batch",
            "CropPlan",
            "Crops",
            "EvalBatches",
            "EvalTransform",
            "Process",
            "TrainBatches",
            "TrainTransform",
        ],
        "catalog": ["DATASETS", "DatasetSpec", "find_spec"],
        "images": ["ImageCache", "ImageSource"],
        "sources": [
            "Columns",
            "check_dataset_is_there",
            "class_names",
            "find_columns",
            "load_image_dataset",
            "stream_image_dataset",
        ],
        "splits": ["Splits", "prepare_splits"],
        "store": ["ImageStore", "cache_images"],
        "streaming": ["StreamIndex", "StreamStore"],
    },
)
