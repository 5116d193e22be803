"""What comes in: from a name or a folder to batches of pixels on the device."""

from __future__ import annotations

from vpns_hf.data.batches import Batch, EvalBatches, Process, TrainBatches
from vpns_hf.data.cache import ImageCache, ImageSource
from vpns_hf.data.columns import Columns, find_columns
from vpns_hf.data.crops import CropPlan, Crops
from vpns_hf.data.labels import class_names
from vpns_hf.data.loading import load_image_dataset, stream_image_dataset
from vpns_hf.data.specs import DATASETS, DatasetSpec, find_spec
from vpns_hf.data.splits import Splits, prepare_splits
from vpns_hf.data.store import ImageStore, cache_images
from vpns_hf.data.stream_index import StreamIndex
from vpns_hf.data.streamed_images import StreamStore
from vpns_hf.data.transforms import EvalTransform, TrainTransform

__all__ = [
    "DATASETS",
    "Batch",
    "Columns",
    "CropPlan",
    "Crops",
    "DatasetSpec",
    "EvalBatches",
    "EvalTransform",
    "ImageCache",
    "ImageSource",
    "ImageStore",
    "Process",
    "Splits",
    "StreamIndex",
    "StreamStore",
    "TrainBatches",
    "TrainTransform",
    "cache_images",
    "class_names",
    "find_columns",
    "find_spec",
    "load_image_dataset",
    "prepare_splits",
    "stream_image_dataset",
]
