"""From the splits of a data set to the batches a run trains on and is measured with."""

from __future__ import annotations

from dataclasses import dataclass

from accelerate import Accelerator
from datasets import Dataset, DatasetDict

from vpns_hf.data import (
    Columns,
    EvalBatches,
    EvalTransform,
    ImageCache,
    Process,
    Splits,
    TrainBatches,
    TrainTransform,
    cache_images,
    prepare_splits,
)

from .arguments import VPNsTrainingArguments
from .run import RunData


@dataclass(frozen=True)
class Images:
    """Decoded images of a data set.

    Attributes:
        train: training images at the size of the training transform.
        train_upright: the same rows at the size of the evaluation transform.
        validation: what selects epoch and view; None when nothing is selected.
        test: what the final accuracy is measured on.
    """

    train: ImageCache
    train_upright: ImageCache
    validation: ImageCache | None
    test: ImageCache


def choose_splits(dataset: DatasetDict, args: VPNsTrainingArguments, columns: Columns) -> Splits:
    """Chooses the rows to train on, to select with and to test on.

    Raises:
        InputError: if a split, column or label is not usable.
    """
    return prepare_splits(
        dataset,
        columns,
        seed=args.seed,
        validation_fraction=args.validation_fraction,
        max_train_samples=args.max_train_samples,
        max_eval_samples=args.max_eval_samples,
        max_test_samples=args.max_test_samples,
        use_all_of_train=args.paper_protocol,
    )


def decode_images(splits: Splits, args: VPNsTrainingArguments, columns: Columns, show_progress: bool) -> Images:
    """Decodes the images of the splits, or opens what an earlier run decoded.

    Raises:
        InputError: if an image cannot be decoded or the cache cannot be written.
    """

    def decode(split: Dataset, name: str, size: int) -> ImageCache:
        return cache_images(
            split,
            columns,
            size,
            name=name,
            origin=splits.origins[name],
            cache_dir=args.cache_dir,
            disable_progress=not show_progress,
        )

    upright, augmented = EvalTransform(args.image_size), TrainTransform(args.image_size)
    selects = splits.validation is not None and not args.paper_protocol
    return Images(
        train=decode(splits.train, "train", augmented.resize_size),
        train_upright=decode(splits.train, "train", upright.resize_size),
        validation=decode(splits.validation, "validation", upright.resize_size) if selects else None,
        test=decode(splits.test, "test", upright.resize_size),
    )


def process_of(accelerator: Accelerator) -> Process:
    """Returns which process of how many this is."""
    return Process(accelerator.process_index, accelerator.num_processes, accelerator.device)


def global_batch_size(args: VPNsTrainingArguments, process: Process) -> int:
    """Returns the images per update over all processes together."""
    if args.per_device_train_batch_size is not None:
        return args.per_device_train_batch_size * process.count
    return args.train_batch_size


def run_data(images: Images, args: VPNsTrainingArguments, process: Process) -> RunData:
    """Returns this process's batches of a run; every call gives the same ones.

    Raises:
        InputError: if the batch size cannot be shared out over the processes.
    """
    upright = EvalTransform(args.image_size)
    augmented = TrainTransform(args.image_size, flip=args.horizontal_flip)
    shared = {"batch_size": global_batch_size(args, process), "seed": args.seed, "process": process}
    return RunData(
        prompted=TrainBatches(images.train_upright, upright, stream="prompted", **shared),
        plain=TrainBatches(images.train, augmented, stream="plain", **shared),
        mapping=eval_batches(images.train_upright, args, process),
        validation=None if images.validation is None else eval_batches(images.validation, args, process),
    )


def eval_batches(cache: ImageCache, args: VPNsTrainingArguments, process: Process) -> EvalBatches:
    """Returns this process's share of every image of `cache`, once and in order."""
    batch_size = args.per_device_eval_batch_size * process.count
    return EvalBatches(cache, EvalTransform(args.image_size), batch_size=batch_size, process=process)
