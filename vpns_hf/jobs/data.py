"""From the splits of a data set to the batches a run trains on and is measured with."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from accelerate import Accelerator
from datasets import Dataset, DatasetDict

from ..data import (
    Columns,
    EvalBatches,
    EvalTransform,
    ImageCache,
    ImageSource,
    ImageStore,
    Process,
    Splits,
    StreamIndex,
    StreamStore,
    TrainBatches,
    TrainTransform,
    prepare_splits,
)
from ..data.batches import EarlyEvalBatches, EarlyTrainBatches
from ..data.catalog import DatasetSpec
from ..data.images import ChosenRows
from ..data.sources import find_columns, load_image_dataset, parquet_files, stream_image_dataset
from ..data.splits import check_apart
from ..data.store import DiskSpace, count_copies, on_device
from ..data.stratify import balanced_rows
from ..errors import InputError
from ..training import RunData
from .arguments import InputArguments, VPNsTrainingArguments


@dataclass(frozen=True)
class Images:
    """Decoded images of a data set.

    Attributes:
        train: training images at the size of the training transform.
        train_upright: the same rows at the size of the evaluation transform.
        validation: what selects epoch and view; None when nothing is selected.
        test: what the final accuracy is measured on.
        copied: how many images of a split are images of another one too: {"test": {"train": 12}}.
    """

    train: ImageSource
    train_upright: ImageSource
    validation: ImageSource | None
    test: ImageSource
    copied: dict[str, dict[str, int]]

    @property
    def skipped(self) -> dict[str, int]:
        """How many rows of each split were left out because their image cannot be read; splits without are not named."""
        return {name: source.skipped for name, source in self._by_split().items() if source.skipped}

    @property
    def counts(self) -> dict[str, int]:
        """How many images each split has, those left out not counted."""
        return {name: len(source) for name, source in self._by_split().items()}

    @property
    def misread(self) -> dict[str, int]:
        """How many images of each split a saved model sees other pixels of; splits without are not named."""
        return {name: source.misread for name, source in self._by_split().items() if source.misread}

    def _by_split(self) -> dict[str, ImageSource]:
        sources = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: source for name, source in sources.items() if source is not None}


def choose_splits(dataset: DatasetDict, args: VPNsTrainingArguments, columns: Columns) -> Splits:
    """Chooses the rows to train on, to select with and to test on.

    Raises:
        InputError: if a split, column or label is not usable, or an image is in two splits.
    """
    splits = prepare_splits(
        dataset,
        columns,
        seed=args.seed,
        validation_fraction=args.validation_fraction,
        test_fraction=args.test_fraction,
        max_train_samples=args.max_train_samples,
        max_eval_samples=args.max_eval_samples,
        max_test_samples=args.max_test_samples,
        use_all_of_train=args.paper_protocol,
    )
    check_apart(dataset, columns.image)
    return splits


def image_store(args: VPNsTrainingArguments, columns: Columns, show_progress: bool = False) -> ImageStore:
    """Returns what decodes the images of a job and keeps them."""
    return ImageStore(columns, args.cache_dir, args.cache_images, args.on_bad_image, show_progress)


def stream_store(streams: StreamIndex, args: VPNsTrainingArguments, columns: Columns) -> StreamStore:
    """Returns what decodes the images of a job for every batch.

    Raises:
        InputError: if they are to be kept nevertheless.
    """
    for name in ("cache_images", "data_on_device"):
        if getattr(args, name) == "yes":
            raise InputError(f"{name} is yes, but a stream keeps no images; give auto, or leave out --streaming")
    return StreamStore(streams, columns, args.on_bad_image, args.shuffle_buffer_size)


def open_images(
    splits: Splits, args: VPNsTrainingArguments, store: ImageStore | StreamStore, device: torch.device
) -> Images:
    """Decodes the images of the splits, or opens what an earlier run decoded; moves them to the device if they fit.

    Raises:
        InputError: if an image cannot be decoded, or the images cannot be kept.
    """
    opened = {
        name: store.open(split, sizes, name, splits.origins[name])
        for name, (split, sizes) in _wanted(splits, args).items()
    }
    train, train_upright = opened["train"]
    sources = {"train": train, "train_upright": train_upright, "test": opened["test"][0]}
    if "validation" in opened:
        sources["validation"] = opened["validation"][0]
    tested_last = sorted(opened, key=("train", "validation", "test").index)
    copied = count_copies({name: opened[name][0] for name in tested_last})
    moved = on_device(list(sources.values()), device, args.data_on_device)
    return Images(**{"validation": None, **dict(zip(sources, moved, strict=True))}, copied=copied)


def space_for_images(splits: Splits, args: VPNsTrainingArguments, columns: Columns) -> DiskSpace:
    """Returns what `open_images` is about to write, judging by the first image of each split."""
    store = image_store(args, columns)
    spaces = [
        store.space(split, sizes, name, splits.origins[name]) for name, (split, sizes) in _wanted(splits, args).items()
    ]
    return replace(spaces[0], needed=sum(space.needed for space in spaces))


def _wanted(splits: Splits, args: VPNsTrainingArguments) -> dict[str, tuple[Dataset, tuple[int, ...]]]:
    """Returns the rows of each split and the sizes of its images, the one to augment first."""
    upright, augmented = EvalTransform(args.image_size).resize_size, TrainTransform(args.image_size).resize_size
    wanted = {"train": (splits.train, (augmented, upright)), "test": (splits.test, (upright,))}
    if splits.validation is not None and not args.paper_protocol:
        wanted["validation"] = (splits.validation, (upright,))
    return wanted


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
    prompted = TrainBatches(images.train_upright, upright, stream="prompted", **shared)
    plain = TrainBatches(images.train, augmented, stream="plain", **shared)
    early = _are_prepared_early(images.train, process)
    return RunData(
        prompted=EarlyTrainBatches(prompted) if early else prompted,
        plain=EarlyTrainBatches(plain) if early else plain,
        mapping=eval_batches(images.train_upright, args, process),
        validation=None if images.validation is None else eval_batches(images.validation, args, process),
        balanced=lambda per_class: balanced_batches(images.train_upright, per_class, args, process),
    )


def balanced_batches(
    source: ImageSource, per_class: int, args: VPNsTrainingArguments, process: Process
) -> EvalBatches | EarlyEvalBatches:
    """Returns this process's share of so many images of each class, chosen by the seed of the job."""
    rows = balanced_rows(source.labels.numpy(), per_class, args.seed)
    return eval_batches(ChosenRows(source, torch.from_numpy(rows)), args, process)


def eval_batches(cache: ImageSource, args: VPNsTrainingArguments, process: Process) -> EvalBatches | EarlyEvalBatches:
    """Returns this process's share of every image of `cache`, once and in order."""
    batch_size = args.per_device_eval_batch_size * process.count
    batches = EvalBatches(cache, EvalTransform(args.image_size), batch_size=batch_size, process=process)
    return EarlyEvalBatches(batches) if _are_prepared_early(cache, process) else batches


def _are_prepared_early(source: ImageSource, process: Process) -> bool:
    """Returns whether a batch is worth a thread: its images are decoded first, and no accelerator prepares it by itself."""
    source = source.source if isinstance(source, ChosenRows) else source
    return not isinstance(source, ImageCache) and torch.device(process.device).type == "cpu"


def read_data(inputs: InputArguments, spec: DatasetSpec | None) -> tuple[DatasetDict, Columns, StreamIndex | None]:
    """Returns the rows of the data set, its columns, and for a stream what its rows stand for."""
    read = stream_image_dataset if inputs.streaming else load_image_dataset
    dataset = read(inputs.dataset_name, config_name=inputs.dataset_config_name)
    columns = find_columns(dataset, inputs.image_column_name, inputs.label_column_name, spec)
    if not inputs.streaming:
        return dataset, columns, None
    files = parquet_files(inputs.dataset_name, dataset, config_name=inputs.dataset_config_name)
    streams = StreamIndex(dataset, columns, files)
    return streams.rows, columns, streams
