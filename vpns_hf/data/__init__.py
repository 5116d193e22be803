"""What comes in: from a name or a folder to batches of pixels on the device."""

from __future__ import annotations

from ..utils.doors import door

# Most of it needs `datasets`, which the help of a command does not.
__all__, __getattr__ = door(
    __name__,
    {
        "batches.batches": ["Batch", "EvalBatches", "Process", "TrainBatches"],
        "batches.crops": ["CropPlan", "Crops"],
        "batches.transforms": ["EvalTransform", "TrainTransform"],
        "catalog": ["DATASETS", "DatasetSpec", "find_spec"],
        "images.source": ["ImageCache", "ImageSource"],
        "sources.columns": ["Columns", "find_columns"],
        "sources.labels": ["class_names"],
        "sources.loading": ["load_image_dataset", "stream_image_dataset"],
        "splits.splits": ["Splits", "prepare_splits"],
        "store.store": ["ImageStore", "cache_images"],
        "streaming.images": ["StreamStore"],
        "streaming.index": ["StreamIndex"],
    },
)
